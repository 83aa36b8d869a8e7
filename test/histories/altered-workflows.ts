/** The workflows as a careless change would leave them: the same steps, one of them earlier. */
import { createStepPolicies } from '#workflows/activity-policies.ts';
import type { StoreFilesActivities } from '#activities/store-files-activities.ts';
import type { SweepActivities } from '#activities/sweep-activities.ts';
import type { StoreFilesInput, SweepElementInput } from '#workflows/messages.ts';

const store = createStepPolicies<StoreFilesActivities>();
const sweep = createStepPolicies<SweepActivities>();

export async function storeFiles({ groupId, fileIds }: StoreFilesInput): Promise<void> {
  await store.beforePivot((run) => run.commitContents({ groupId }));
  await store.beforePivot((run) => run.claimGroup({ groupId, fileIds }));
  await store.afterPivot((run) => run.writeSidecars({ groupId, without: [] }));
  await store.afterPivot((run) => run.recordGroup({ groupId, failures: [] }));
}

export async function sweepElement(input: SweepElementInput): Promise<void> {
  await sweep.beforePivot((run) => run.abandonDeadUploads(input));
  await sweep.beforePivot((run) => run.resolveStalledGroups(input));
}

/** The workflows as a careless change would leave them: the same steps, one of them earlier. */
import { createStepPolicies } from '#workflows/activity-policies.ts';
import type { BatchActivities } from '#activities/batch-activities.ts';
import type { ChangeActivities } from '#activities/change-activities.ts';
import type { FollowOutboxActivities } from '#activities/follow-outbox-activities.ts';
import type { ReindexSearchActivities } from '#activities/reindex-search-activities.ts';
import type { StoreFilesActivities } from '#activities/store-files-activities.ts';
import type { SweepActivities } from '#activities/sweep-activities.ts';
import type {
  BatchDeleteInput,
  DeleteFileInput,
  FollowOutboxInput,
  ReindexSearchInput,
  StoreFilesInput,
  SweepElementInput,
  UpdateAttributesInput,
} from '#workflows/messages.ts';

const store = createStepPolicies<StoreFilesActivities>();
const sweep = createStepPolicies<SweepActivities>();
const change = createStepPolicies<ChangeActivities>();
const batch = createStepPolicies<BatchActivities>();
const follow = createStepPolicies<FollowOutboxActivities>();
const reindex = createStepPolicies<ReindexSearchActivities>();

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

export async function followOutbox(input: FollowOutboxInput): Promise<void> {
  await follow.beforePivot((run) => run.pruneOutbox());
  await follow.beforePivot((run) => run.followOutbox(input));
}

export async function reindexSearch(input: ReindexSearchInput): Promise<void> {
  await reindex.afterPivot((run) => run.swapIndex({ indexName: '' }));
  await reindex.beforePivot((run) => run.beginReindex(input));
}

export async function updateAttributes(input: UpdateAttributesInput): Promise<void> {
  await change.afterPivot((run) => run.writeSidecar(input));
  await change.beforePivot((run) => run.claimFile(input));
  await change.afterPivot((run) => run.recordAttributes(input));
}

export async function deleteFile(input: DeleteFileInput): Promise<void> {
  await change.beforePivot((run) => run.claimFile(input));
  await change.afterPivot((run) => run.removeContent(input));
  await change.afterPivot((run) => run.moveSidecarAway(input));
  await change.afterPivot((run) => run.purgeFile(input));
}

export async function batchDelete(input: BatchDeleteInput): Promise<void> {
  await batch.afterPivot((run) =>
    run.finishBatch({ ...input, outcomes: [], isCancelled: false }),
  );
  await batch.beforePivot((run) => run.beginBatch(input));
}

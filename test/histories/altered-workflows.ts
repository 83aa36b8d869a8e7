/** The workflows as a careless change would leave them: the same steps, one of them earlier. */
import { createStepPolicies } from '#workflows/activity-policies.ts';
import type { BatchActivities } from '#activities/batch-activities.ts';
import type { ChangeActivities } from '#activities/change-activities.ts';
import type { FollowOutboxActivities } from '#activities/follow-outbox-activities.ts';
import type { MigrateAttributesActivities } from '#activities/migrate-attributes-activities.ts';
import type { MigrateShardActivities } from '#activities/migrate-shard-activities.ts';
import type { RebuildCatalogueActivities } from '#activities/rebuild-catalogue-activities.ts';
import type { ReconcileElementActivities } from '#activities/reconcile-element-activities.ts';
import type { ReindexSearchActivities } from '#activities/reindex-search-activities.ts';
import type { StoreFilesActivities } from '#activities/store-files-activities.ts';
import type { SweepActivities } from '#activities/sweep-activities.ts';
import { newRun } from '#domain/reconcile/reconcile-run.ts';
import type {
  BatchDeleteInput,
  DeleteFileInput,
  FollowOutboxInput,
  MigrateAttributesInput,
  MigrateShardInput,
  RebuildCatalogueInput,
  ReconcileElementInput,
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
const migrate = createStepPolicies<MigrateAttributesActivities>();
const shard = createStepPolicies<MigrateShardActivities>();
const reconcile = createStepPolicies<ReconcileElementActivities>();
const reindex = createStepPolicies<ReindexSearchActivities>();
const rebuild = createStepPolicies<RebuildCatalogueActivities>();

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

export async function reconcileElement({ operationId }: ReconcileElementInput): Promise<void> {
  await reconcile.beforePivot((run) =>
    run.completeReconcile({ operationId, run: newRun, repair: null }),
  );
  await reconcile.beforePivot((run) => run.beginReconcile({ operationId }));
}

export async function reindexSearch(input: ReindexSearchInput): Promise<void> {
  await reindex.afterPivot((run) => run.swapIndex({ indexName: '' }));
  await reindex.beforePivot((run) => run.beginReindex(input));
}

export async function migrateAttributes({ operationId }: MigrateAttributesInput): Promise<void> {
  await migrate.afterPivot((run) => run.finishMigration({ operationId, failure: null }));
  await migrate.beforePivot((run) => run.beginMigration({ operationId }));
}

export async function migrateShard(input: MigrateShardInput): Promise<void> {
  await shard.beforePivot((run) => run.settleShard(input));
  await shard.beforePivot((run) => run.migrateBatch(input));
}

export async function rebuildCatalogue({ operationId }: RebuildCatalogueInput): Promise<void> {
  await rebuild.beforePivot((run) => run.rebuildFiles({ operationId }));
  await rebuild.beforePivot((run) => run.beginRebuild({ operationId }));
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

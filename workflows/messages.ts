import type { ElementId, FileId, GroupId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { FilePosition } from '#domain/ports/file-catalogue.ts';
import type { ChangeOutcome } from '#domain/ports/file-lifecycle.ts';
import type { FeedConsumer, OutboxPosition } from '#domain/ports/outbox.ts';
import type { ReconcileRun, RepairRun } from '#domain/reconcile/reconcile-run.ts';
import type { FailedFile } from '#domain/uploads.ts';

/**
 * What clients and workers must agree on: names, ids, queues and payloads. Nothing here needs
 * Temporal, so that whoever starts a workflow can import it.
 */
export const workflowTypes = {
  storeFiles: 'storeFiles',
  sweepElement: 'sweepElement',
  updateAttributes: 'updateAttributes',
  deleteFile: 'deleteFile',
  batchDelete: 'batchDelete',
  reindexSearch: 'reindexSearch',
  followOutbox: 'followOutbox',
  rebuildCatalogue: 'rebuildCatalogue',
  reconcileElement: 'reconcileElement',
  migrateAttributes: 'migrateAttributes',
  migrateShard: 'migrateShard',
} as const;

/** Whoever waits looks into the rows, which are the truth: a signal only says that it is worth it. */
export const signalNames = { wake: 'wake' } as const;

export const updateNames = { store: 'store', change: 'change', tombstone: 'tombstone' } as const;

/** Registered with the namespace; operators find a workflow by them. */
export const searchAttributes = {
  fileIds: { name: 'ArtFileIds', type: 'KEYWORD_LIST' },
  elementId: { name: 'ArtElementId', type: 'KEYWORD' },
  actor: { name: 'ArtActor', type: 'KEYWORD' },
  operation: { name: 'ArtOperation', type: 'KEYWORD' },
  phase: { name: 'ArtPhase', type: 'KEYWORD' },
} as const;

/** Value of `ArtPhase`. It changes only off the beaten path: every change costs a write. */
export const phases = {
  running: 'running',
  /** A step failed as a whole before the commit point: what was done is being undone. */
  undoing: 'undoing',
  /** The files exist; what is left is repeated until it succeeds. */
  finishing: 'finishing',
} as const;
export type Phase = (typeof phases)[keyof typeof phases];

/** Only the worker beside the element takes tasks from it. */
export function elementTaskQueue(elementId: ElementId): string {
  return `element-${elementId}`;
}

/** Work that belongs to no element. */
export const catalogueTaskQueue = 'catalogue';

/** One commit of a group. The group's id is also the id of its one update. */
export function storeFilesWorkflowId(groupId: GroupId): string {
  return `store-files/${groupId}`;
}

/** Both the schedule's id and the prefix of the ids of its runs. */
export function sweepElementId(elementId: ElementId): string {
  return `sweep-element/${elementId}`;
}

export function updateAttributesWorkflowId(operationId: OperationId): string {
  return `update-attributes/${operationId}`;
}

/** One at a time for each file. */
export function deleteFileWorkflowId(fileId: FileId): string {
  return `delete-file/${fileId}`;
}

export function reindexSearchWorkflowId(operationId: OperationId): string {
  return `reindex-search/${operationId}`;
}

/** One at a time for each element. */
export function rebuildCatalogueWorkflowId(elementId: ElementId): string {
  return `rebuild-catalogue/${elementId}`;
}

/** One at a time for each element. */
export function reconcileElementWorkflowId(elementId: ElementId): string {
  return `reconcile-element/${elementId}`;
}

export function migrateAttributesWorkflowId(operationId: OperationId): string {
  return `migrate-attributes/${operationId}`;
}

export function migrateShardWorkflowId(operationId: OperationId, shard: number): string {
  return `${migrateAttributesWorkflowId(operationId)}/${shard}`;
}

export function batchWorkflowId(operationId: OperationId): string {
  return `batch/${operationId}`;
}

export function followOutboxWorkflowId(consumer: FeedConsumer): string {
  return `follow-outbox/${consumer}`;
}

export interface StoreFilesInput {
  readonly groupId: GroupId;
  readonly fileIds: readonly FileId[];
}

/**
 * Small on purpose: who sent the ids knows which were stored, namely those that are in neither
 * list. The count guards that conclusion.
 */
export interface StoreFilesResult {
  readonly storedCount: number;
  readonly failures: readonly FailedFile[];
  /** Given back before the workflow came to them: their rows say what became of them. */
  readonly notClaimed: readonly FileId[];
}

export interface SweepElementInput {
  readonly elementId: ElementId;
}

export interface SweepElementResult {
  readonly abandonedCount: number;
  readonly discardedCount: number;
  readonly resolvedGroupCount: number;
  readonly forgottenCount: number;
  readonly settledCount: number;
}

export interface UpdateAttributesInput {
  readonly operationId: OperationId;
  readonly fileId: FileId;
}

type Refused = Extract<ChangeOutcome, { readonly kind: 'failed' }>;

export type UpdateAttributesResult = { readonly kind: 'changed' } | Refused;

export interface DeleteFileInput {
  readonly operationId: OperationId;
  readonly fileId: FileId;
  /** In this time a cancel lifts the tombstone. */
  readonly graceMs: number;
}

/** The answer to the caller, long before the workflow ends. */
export type TombstoneResult = ({ readonly kind: 'tombstoned' } | Refused) & {
  /** Whose answer it is: a caller may have met the workflow of another. */
  readonly ofOperation: OperationId;
};

export type DeleteFileResult = { readonly kind: 'deleted' } | Refused;

export interface BatchDeleteInput {
  readonly operationId: OperationId;
}

export interface BatchDeleteResult {
  readonly deletedCount: number;
  readonly failedCount: number;
  readonly skippedCount: number;
}

export interface FollowOutboxInput {
  readonly consumer: FeedConsumer;
}

export interface ReindexSearchInput {
  readonly operationId: OperationId;
  /** What an earlier run of the same reindexing has done. */
  readonly resume?: ReindexStanding;
}

export interface ReindexStanding {
  /** The index that is being filled. */
  readonly indexName: string;
  /** Of the feed when the filling began: what happened later is caught up. */
  readonly feedPosition: OutboxPosition | null;
  readonly filled: ReindexFilled;
  readonly totalCount: number;
}

/** How far the catalogue stands in the new index. */
export interface ReindexFilled {
  readonly after: FilePosition | null;
  readonly doneCount: number;
  readonly isWhole: boolean;
}

export interface ReindexSearchResult {
  readonly indexedCount: number;
}

/** What is to be done stands in the operation's row. */
export interface RebuildCatalogueInput {
  readonly operationId: OperationId;
  readonly elementId: ElementId;
}

export interface ReconcileElementInput {
  readonly operationId: OperationId;
  readonly elementId: ElementId;
  /** What an earlier run of the same reconciliation has done. */
  readonly resume?: ReconcileStanding;
}

export interface ReconcileStanding {
  readonly apply: boolean;
  readonly startedAt: Instant;
  /** Of the element when it began, for the progress that is shown. */
  readonly rowCount: number;
  readonly run: ReconcileRun;
  /** Null: nothing was repaired yet. */
  readonly repair: RepairRun | null;
}

export interface ReconcileElementResult {
  readonly wrongCount: number;
  readonly repairedCount: number;
}

/** What is to be done stands in the run's row. */
export interface MigrateAttributesInput {
  readonly operationId: OperationId;
}

export interface MigrateAttributesResult {
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly total: number;
}

/** How far it has come stands in the shard's row. */
export interface MigrateShardInput {
  readonly operationId: OperationId;
  readonly shard: number;
}

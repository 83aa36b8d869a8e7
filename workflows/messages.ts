import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import type { FailedFile } from '#domain/uploads.ts';

/**
 * What clients and workers must agree on: names, ids, queues and payloads. Nothing here needs
 * Temporal, so that whoever starts a workflow can import it.
 */
export const workflowTypes = {
  storeFiles: 'storeFiles',
  sweepElement: 'sweepElement',
} as const;

export const updateNames = { store: 'store' } as const;

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

/** One commit of a group. The group's id is also the id of its one update. */
export function storeFilesWorkflowId(groupId: GroupId): string {
  return `store-files/${groupId}`;
}

/** Both the schedule's id and the prefix of the ids of its runs. */
export function sweepElementId(elementId: ElementId): string {
  return `sweep-element/${elementId}`;
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
}

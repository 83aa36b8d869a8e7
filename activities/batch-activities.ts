import type { Attributes } from '#domain/attributes/attributes-types.ts';
import type { ErrorCode } from '#domain/errors.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import type { BatchInput, BatchItem, FileChanges } from '#domain/ports/file-changes.ts';
import type { FileCatalogue } from '#domain/ports/file-catalogue.ts';
import type { OperationEnding, OperationJournal } from '#domain/ports/operation-journal.ts';
import type { UploadFailure } from '#domain/uploads.ts';

export interface BatchPorts {
  readonly changes: Pick<FileChanges, 'openDeletion'>;
  readonly catalogue: Pick<FileCatalogue, 'findFile'>;
  readonly journal: Pick<
    OperationJournal,
    'beginOperation' | 'recordProgress' | 'finishOperation' | 'findStandings'
  >;
  /** The id of the workflow that deletes a file. */
  readonly workflowOfDeletion: (fileId: FileId) => string;
}

/** What became of one file of a batch. */
export interface BatchOutcome {
  readonly fileId: FileId;
  /** Null where it did not come to an operation of its own. */
  readonly operationId: OperationId | null;
  readonly outcome: 'deleted' | 'failed' | 'skipped';
  readonly failure: UploadFailure | null;
}

interface Batch {
  readonly operationId: OperationId;
}

export type OpenedItem =
  | { readonly kind: 'opened'; readonly elementId: ElementId }
  | {
      readonly kind: 'failed';
      readonly failure: UploadFailure;
      /** Of the deletion that is under way already. */
      readonly operationId: OperationId | null;
    };

export type BatchActivities = ReturnType<typeof createBatchActivities>;

/** The steps of `batchDelete` that are its own: each file has a workflow and an operation. */
export function createBatchActivities(ports: BatchPorts) {
  const { journal } = ports;
  return {
    /** @returns null when the operation was given up before its workflow came to it. */
    async beginBatch({ operationId }: Batch): Promise<Omit<BatchInput, 'onlyCreatedBy'> | null> {
      const begun = await journal.beginOperation(operationId);
      if (begun === null) return null;
      const { items, startedBy, graceMs } = begun.input as unknown as BatchInput;
      return { items, startedBy, graceMs };
    },

    /** Makes the operation of one file, if the file is there and the caller may. */
    openItem: (input: Batch & { readonly item: BatchItem }): Promise<OpenedItem> =>
      openItem(ports, input),

    /**
     * What became of an item whose workflow did not say so: its operation knows. One that has not
     * begun is ended here, and will not begin.
     * @returns null while it is running
     */
    settleItem: (input: LostItem): Promise<BatchOutcome | null> => settleItem(ports, input),

    async recordBatch(
      input: Batch & { readonly outcomes: readonly BatchOutcome[]; readonly totalCount: number },
    ): Promise<void> {
      const { operationId, outcomes, totalCount } = input;
      const counts = countOutcomes(outcomes, totalCount);
      await journal.recordProgress(operationId, counts, presentOutcomes(outcomes));
    },

    async finishBatch(
      input: Batch & { readonly outcomes: readonly BatchOutcome[]; readonly isCancelled: boolean },
    ): Promise<void> {
      const { operationId, outcomes, isCancelled } = input;
      const result = presentOutcomes(outcomes);
      await journal.recordProgress(operationId, countOutcomes(outcomes, outcomes.length), result);
      const ending: OperationEnding = isCancelled
        ? { state: 'cancelled', failure: cancelled, result }
        : { state: 'completed', result };
      await journal.finishOperation(operationId, ['pending', 'running'], ending);
    },

    /** The batch could not even begin. */
    async failBatch(
      input: Batch & { readonly failure: UploadFailure; readonly isCancelled: boolean },
    ): Promise<void> {
      const state = input.isCancelled ? 'cancelled' : 'failed';
      const ending = { state, failure: input.failure } as const;
      await journal.finishOperation(input.operationId, ['pending', 'running'], ending);
    },
  };
}

async function openItem(
  { journal, catalogue, changes, workflowOfDeletion }: BatchPorts,
  { operationId, item }: Batch & { readonly item: BatchItem },
): Promise<OpenedItem> {
  const begun = await journal.beginOperation(operationId);
  if (begun === null) return refuse('OPERATION_STATE_FORBIDS', 'The batch has ended already.');
  const { startedBy, onlyCreatedBy, graceMs } = begun.input as unknown as BatchInput;
  const file = await catalogue.findFile(item.fileId);
  if (file === null) return refuse('FILE_NOT_FOUND', 'There is no file with this id.');
  if (onlyCreatedBy !== null && creatorOf(file.attributes) !== onlyCreatedBy) {
    return refuse('FORBIDDEN', 'The account may delete only what it has stored.');
  }
  const { elementId } = file;
  const opened = await changes.openDeletion(
    { ...item, elementId, startedBy, expectedDigest: null, graceMs },
    workflowOfDeletion(item.fileId),
  );
  if (opened.isNew) return { kind: 'opened', elementId };
  const refusal = refuse('OPERATION_IN_PROGRESS', 'A deletion of this file is already running.');
  return { ...refusal, operationId: opened.operationId };
}

interface LostItem {
  readonly item: BatchItem;
  readonly failure: UploadFailure;
  readonly isCancelled: boolean;
}

async function settleItem(
  { journal }: BatchPorts,
  { item, failure, isCancelled }: LostItem,
): Promise<BatchOutcome | null> {
  const { fileId, operationId } = item;
  const state = isCancelled ? 'cancelled' : 'failed';
  await journal.finishOperation(operationId, ['pending'], { state, failure });
  const [standing] = await journal.findStandings([operationId]);
  if (standing === undefined) {
    const outcome = isCancelled ? 'skipped' : 'failed';
    return { fileId, operationId: null, outcome, failure };
  }
  if (!standing.isFinished) return null;
  if (standing.state === 'completed') {
    return { fileId, operationId, outcome: 'deleted', failure: null };
  }
  const outcome = standing.state === 'cancelled' ? 'skipped' : 'failed';
  return { fileId, operationId, outcome, failure: standing.error ?? failure };
}

const cancelled: UploadFailure = {
  code: 'OPERATION_CANCELLED',
  detail: 'The operation was cancelled; the result says which files were deleted.',
};

function countOutcomes(outcomes: readonly BatchOutcome[], total: number) {
  const count = (wanted: BatchOutcome['outcome']): number =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  return { done: count('deleted'), failed: count('failed'), skipped: count('skipped'), total };
}

function presentOutcomes(outcomes: readonly BatchOutcome[]): JsonObject {
  return {
    items: outcomes.map(({ fileId, operationId, outcome, failure }) => ({
      file_id: fileId,
      outcome,
      operation_id: operationId,
      code: failure?.code ?? null,
      detail: failure?.detail ?? null,
    })),
  };
}

function creatorOf(attributes: string): string | null {
  return (JSON.parse(attributes) as Attributes).created_by_id;
}

function refuse(code: ErrorCode, detail: string): Extract<OpenedItem, { readonly kind: 'failed' }> {
  return { kind: 'failed', failure: { code, detail }, operationId: null };
}

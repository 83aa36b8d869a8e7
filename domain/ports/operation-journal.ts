import type { ElementId, OperationId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Operation, OperationState } from '#domain/operations.ts';
import type { UploadFailure } from '#domain/uploads.ts';

export interface NewOperation extends Pick<
  Operation,
  'operationId' | 'kind' | 'subject' | 'startedBy'
> {
  readonly workflowId: string;
  /** Whose worker does the work; null: the catalogue's. */
  readonly elementId: ElementId | null;
  /** What its workflow needs to know; no part of what callers see. */
  readonly input: JsonObject | null;
}

export type OperationEnding =
  | { readonly state: 'completed'; readonly result?: JsonObject }
  | {
      readonly state: 'failed' | 'cancelled';
      readonly failure: UploadFailure;
      readonly result?: JsonObject;
    };

/** An operation that has not ended, for whoever looks whether its workflow still runs. */
export interface UnfinishedOperation extends Pick<Operation, 'operationId' | 'kind'> {
  readonly workflowId: string;
}

/** Only the part that a waiting caller needs. */
export interface OperationStanding extends Pick<Operation, 'operationId' | 'state' | 'error'> {
  readonly isFinished: boolean;
}

/**
 * Operations as their workflows write them down; callers read them through `OperationRegistry`.
 * What has ended never changes again. Every method is durable when it resolves, may be repeated,
 * and throws `CATALOGUE_UNAVAILABLE` when the database does not answer.
 */
export interface OperationJournal {
  /** Makes the row, in state `pending`; the same id again changes nothing. */
  openOperation(operation: NewOperation): Promise<void>;
  /**
   * `pending` → `running`. @returns the input; null when the operation has ended or is not there:
   * then there is nothing to do.
   */
  beginOperation(operationId: OperationId): Promise<{ readonly input: JsonObject | null } | null>;
  /** Of an operation that has not ended. */
  recordProgress(
    operationId: OperationId,
    progress: NonNullable<Operation['progress']>,
    result?: JsonObject,
  ): Promise<void>;
  /** Compare-and-set. @returns false when the state was none of `from`. */
  finishOperation(
    operationId: OperationId,
    from: readonly Extract<OperationState, 'pending' | 'running' | 'paused'>[],
    ending: OperationEnding,
  ): Promise<boolean>;
  /** Ids that are not there are left out. */
  findStandings(operationIds: readonly OperationId[]): Promise<readonly OperationStanding[]>;
  /**
   * Operations of this element, and those of none, that have not changed for `idleMs`: their
   * workflow may have ended by force. At most `limits.sweepBatch`.
   */
  findIdleOperations(elementId: ElementId, idleMs: number): Promise<readonly UnfinishedOperation[]>;
}

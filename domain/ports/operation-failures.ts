import type { ErrorCode } from '#domain/errors.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';

/** One thing that a bulk operation could not do, or found: a dead letter, or a finding. */
export interface OperationFailure {
  /** Unique within the operation: the file's id, or the path where no id is known. */
  readonly key: string;
  readonly fileId: FileId | null;
  readonly elementId: ElementId | null;
  /** Relative to the element's root. */
  readonly path: string | null;
  readonly code: ErrorCode;
  readonly detail: string;
}

export interface FailurePage {
  readonly failures: readonly OperationFailure[];
  /** The key to go on after; null on the last page. */
  readonly next: string | null;
}

/**
 * What failed in an operation that goes on all the same. Every method is durable when it resolves,
 * may be repeated, and throws `CATALOGUE_UNAVAILABLE` when the database does not answer.
 */
export interface OperationFailures {
  /** The same key again takes the place of the first. */
  recordFailures(operationId: OperationId, failures: readonly OperationFailure[]): Promise<void>;
  /** Keys that are not there are fine. */
  removeFailures(operationId: OperationId, keys: readonly string[]): Promise<void>;
  countFailures(operationId: OperationId): Promise<number>;
  /** In byte order of the keys; keyset paging. */
  listFailures(
    operationId: OperationId,
    page: { readonly limit: number; readonly after: string | null },
  ): Promise<FailurePage>;
}

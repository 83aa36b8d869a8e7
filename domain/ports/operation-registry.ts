import type { AccountId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { Operation, OperationState } from '#domain/operations.ts';

export interface OperationListQuery {
  readonly filters: {
    readonly kind?: string;
    readonly state?: OperationState;
    /** Id of a file, an element … */
    readonly subjectId?: string;
    readonly startedBy?: AccountId;
  };
  readonly limit: number;
  /** Newest first: the position after an item. */
  readonly after: { readonly createdAt: Instant; readonly operationId: OperationId } | null;
}

export interface OperationPage {
  readonly operations: readonly Operation[];
  readonly next: OperationListQuery['after'];
}

/** Answers from PostgreSQL, never from Temporal. An upload's own row is its operation. */
export interface OperationRegistry {
  findOperation(operationId: OperationId): Promise<Operation | null>;
  /** Uploads stand in the list like every other kind. Keyset paging. */
  listOperations(query: OperationListQuery): Promise<OperationPage>;
}

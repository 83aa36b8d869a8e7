import type { OperationId } from '#domain/ids.ts';
import type { Operation } from '#domain/operations.ts';

/** Answers from PostgreSQL, never from Temporal. An upload's own row is its operation. */
export interface OperationRegistry {
  findOperation(operationId: OperationId): Promise<Operation | null>;
}

import { callerOf, type Call } from '#api/route.ts';
import { DomainError } from '#domain/errors.ts';
import { parseOperationId } from '#domain/ids.ts';
import type { Operation } from '#domain/operations.ts';

/** Somebody else's operation is none of the caller's business: not even that it exists. */
export async function findOperation(call: Call<{ operation_id: string }>): Promise<Operation> {
  const { services, params, reach } = call;
  const operationId = parseOperationId(params.operation_id);
  const operation =
    operationId === null ? null : await services.ports.operations.findOperation(operationId);
  const isVisible = reach === 'all' || operation?.startedBy === callerOf(call).accountId;
  if (operation !== null && isVisible) return operation;
  throw new DomainError('OPERATION_NOT_FOUND', 'There is no operation with this id.');
}

import { answerJson } from '#api/answers.ts';
import { operationsPath, presentOperation } from '#api/operations/present-operation.ts';
import { callerOf, type Call } from '#api/route.ts';
import { isDomainError } from '#domain/errors.ts';
import type { OperationId } from '#domain/ids.ts';
import { instantFromMillis } from '#domain/instant.ts';
import type { Operation } from '#domain/operations.ts';

/**
 * 202 with the operation. What was handed over goes on whether we can look at it or not: without
 * the catalogue the caller still learns under which id to ask for the end.
 */
export async function answerAccepted(
  call: Call,
  started: { readonly operationId: OperationId } & Pick<Operation, 'kind' | 'subject'>,
): Promise<void> {
  const { context, services } = call;
  const { operationId } = started;
  const operation = (await findRow(call, operationId)) ?? justStarted(call, started);
  context.set('Location', `${operationsPath}/${operationId}`);
  answerJson(context, 202, presentOperation(operation, services.settings));
}

async function findRow({ services }: Call, operationId: OperationId): Promise<Operation | null> {
  try {
    return await services.ports.operations.findOperation(operationId);
  } catch (error) {
    if (isDomainError(error, 'CATALOGUE_UNAVAILABLE')) return null;
    throw error;
  }
}

function justStarted(
  call: Call,
  started: { readonly operationId: OperationId } & Pick<Operation, 'kind' | 'subject'>,
): Operation {
  const now = instantFromMillis(Date.now());
  return {
    ...started,
    state: 'pending',
    progress: null,
    result: null,
    error: null,
    startedBy: callerOf(call).accountId,
    workflowId: null,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
}

import type { ApiSettings } from '#api/dependencies.ts';
import { presentProblem } from '#api/problem-details.ts';
import { DomainError } from '#domain/errors.ts';
import { presentInstant } from '#domain/instant.ts';
import type { Operation } from '#domain/operations.ts';

export const operationsPath = '/api/v1/operations';

export function presentOperation(
  operation: Operation,
  { workflowPageUrl }: Pick<ApiSettings, 'workflowPageUrl'>,
) {
  const { operationId, workflowId, error, subject, state } = operation;
  const file = subject.type === 'file' ? `/api/v1/files/${subject.id}` : null;
  return {
    operation_id: operationId,
    kind: operation.kind,
    state,
    progress: operation.progress,
    result: state === 'completed' && file !== null ? { file_id: subject.id } : null,
    error:
      error === null
        ? null
        : presentProblem(new DomainError(error.code, error.detail), operationId),
    subject,
    started_by: operation.startedBy,
    created_at: presentInstant(operation.createdAt),
    updated_at: presentInstant(operation.updatedAt),
    finished_at: operation.finishedAt === null ? null : presentInstant(operation.finishedAt),
    workflow_id: workflowId,
    workflow_url: workflowId === null ? null : (workflowPageUrl?.(workflowId) ?? null),
    links: {
      self: `${operationsPath}/${operationId}`,
      ...(file !== null && { subject: file }),
    },
  };
}

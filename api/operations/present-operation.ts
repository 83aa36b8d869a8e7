import type { ApiSettings } from '#api/dependencies.ts';
import { presentProblem } from '#api/problem-details.ts';
import { DomainError } from '#domain/errors.ts';
import { presentInstant } from '#domain/instant.ts';
import type { Operation } from '#domain/operations.ts';

export const operationsPath = '/api/v1/operations';

const pathsOfSubjects: Readonly<Record<string, string>> = {
  file: '/api/v1/files',
  storage_element: '/api/v1/storage-elements',
};

/** They go on when a file fails, and list what did. */
const bulkKinds: ReadonlySet<string> = new Set([
  'rebuildCatalogue',
  'reconcileElement',
  'migrateAttributes',
]);

export function presentOperation(
  operation: Operation,
  { workflowPageUrl }: Pick<ApiSettings, 'workflowPageUrl'>,
) {
  const { operationId, workflowId, error, subject } = operation;
  const subjects = pathsOfSubjects[subject.type];
  return {
    operation_id: operationId,
    kind: operation.kind,
    state: operation.state,
    progress: operation.progress,
    result: operation.result ?? resultOf(operation),
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
      ...(subjects !== undefined && { subject: `${subjects}/${subject.id}` }),
      ...(bulkKinds.has(operation.kind) && {
        failures: `${operationsPath}/${operationId}/failures`,
      }),
    },
  };
}

/** Of work on one file the result is that file. */
function resultOf({ kind, state, subject }: Operation): { file_id: string } | null {
  const isDone = state === 'completed' && kind !== 'deleteFile';
  return isDone && subject.type === 'file' ? { file_id: subject.id } : null;
}

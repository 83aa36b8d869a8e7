import {
  WorkflowExecutionAlreadyStartedError,
  type Client,
  type WorkflowIdReusePolicy,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { DomainError } from '#domain/errors.ts';
import type { NewOperation, OperationJournal } from '#domain/ports/operation-journal.ts';
import type { OperationRegistry } from '#domain/ports/operation-registry.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { phases, searchAttributes } from '#workflows/messages.ts';

const callTimeoutMs = 10_000;

export interface OperationStarterParts {
  readonly client: Client;
  readonly journal: Pick<OperationJournal, 'openOperation' | 'finishOperation'>;
  readonly operations: Pick<OperationRegistry, 'listOperations'>;
}

export interface OperationStart {
  readonly operation: NewOperation;
  readonly taskQueue: string;
  /** The argument of the workflow, whose type is the operation's kind. */
  readonly input: object;
  /** `ALLOW_DUPLICATE` where the id is of what is worked on, `REJECT_DUPLICATE` where it is of the run. */
  readonly reusePolicy: WorkflowIdReusePolicy;
}

/**
 * The operation's row comes first: a start whose outcome is unknown is told by it. What has begun
 * goes on, what has not never will.
 * @throws OPERATION_IN_PROGRESS (with the running operation) when a workflow with this id runs;
 *   WORKFLOWS_UNAVAILABLE when nothing was started and nothing will be.
 */
export async function startOperation(
  parts: OperationStarterParts,
  start: OperationStart,
): Promise<void> {
  const { client, journal } = parts;
  const { operation } = start;
  await journal.openOperation(operation);
  try {
    await client.withDeadline(Date.now() + callTimeoutMs, () => startWorkflow(client, start));
  } catch (cause) {
    const isRunning = cause instanceof WorkflowExecutionAlreadyStartedError;
    const failure: UploadFailure = isRunning
      ? { code: 'OPERATION_IN_PROGRESS', detail: 'Such an operation is already running.' }
      : { code: 'WORKFLOWS_UNAVAILABLE', detail: 'The operation could not be started.' };
    const ending = { state: 'failed', failure } as const;
    if (!(await journal.finishOperation(operation.operationId, ['pending'], ending))) return;
    const running = isRunning ? await findRunning(parts, operation) : null;
    throw new DomainError(failure.code, failure.detail, {
      ...(running !== null && { details: { operationId: running } }),
      cause,
    });
  }
}

async function startWorkflow(client: Client, start: OperationStart): Promise<void> {
  const { operation } = start;
  await client.workflow.start(operation.kind, {
    workflowId: operation.workflowId,
    taskQueue: start.taskQueue,
    args: [start.input],
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: start.reusePolicy,
    typedSearchAttributes: new TypedSearchAttributes([
      ...(operation.elementId === null
        ? []
        : [{ key: searchAttributes.elementId, value: operation.elementId }]),
      { key: searchAttributes.actor, value: operation.startedBy },
      { key: searchAttributes.operation, value: operation.kind },
      { key: searchAttributes.phase, value: phases.running },
    ]),
  });
}

async function findRunning(
  { operations }: OperationStarterParts,
  { kind, subject, operationId }: NewOperation,
): Promise<string | null> {
  for (const state of ['running', 'pending', 'paused'] as const) {
    const filters = { kind, state, subjectId: subject.id };
    const page = await operations.listOperations({ filters, limit: 2, after: null });
    const other = page.operations.find((found) => found.operationId !== operationId);
    if (other !== undefined) return other.operationId;
  }
  return null;
}

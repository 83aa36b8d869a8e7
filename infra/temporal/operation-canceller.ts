import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { DomainError } from '#domain/errors.ts';
import type { FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import type { Journal } from './change-lifecycle.ts';

const cancelTimeoutMs = 5_000;

const cancelled: UploadFailure = {
  code: 'OPERATION_CANCELLED',
  detail: 'The operation was cancelled before it began.',
};

export function createOperationCanceller(
  client: Client,
  journal: Journal,
): Pick<FileLifecycle, 'cancelOperation'> {
  return {
    async cancelOperation({ operationId, state, workflowId }) {
      // What no workflow has begun is ended here: it finds that out when it comes to it.
      if (state === 'pending') {
        const ending = { state: 'cancelled', failure: cancelled } as const;
        await journal.finishOperation(operationId, ['pending'], ending);
      }
      if (workflowId === null) return;
      try {
        await client.withDeadline(Date.now() + cancelTimeoutMs, () =>
          client.workflow.getHandle(workflowId).cancel(),
        );
      } catch (error) {
        // One that has ended, or never began, is not to be cancelled any more.
        if (error instanceof WorkflowNotFoundError) return;
        throw new DomainError('WORKFLOWS_UNAVAILABLE', 'Temporal does not answer.', {
          cause: error,
        });
      }
    },
  };
}

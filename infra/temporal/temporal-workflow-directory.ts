import { WorkflowNotFoundError, type WorkflowClient } from '@temporalio/client';
import { DomainError } from '#domain/errors.ts';
import type { WorkflowDirectory } from '#domain/ports/workflow-directory.ts';

/** Bounds the question, also where nothing answers at all. */
const describeTimeoutMs = 5_000;

export function createTemporalWorkflowDirectory(client: WorkflowClient): WorkflowDirectory {
  return {
    async findStatus(workflowId) {
      try {
        const { status } = await client.withDeadline(Date.now() + describeTimeoutMs, () =>
          client.getHandle(workflowId).describe(),
        );
        return status.name === 'RUNNING' || status.name === 'PAUSED' ? 'running' : 'closed';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'absent';
        throw new DomainError('WORKFLOWS_UNAVAILABLE', 'Temporal does not answer.', {
          cause: error,
        });
      }
    },
  };
}

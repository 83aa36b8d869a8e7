import { setTimeout as sleep } from 'node:timers/promises';
import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  isGrpcServiceError,
  type Client,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { ElementId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import {
  elementTaskQueue,
  phases,
  searchAttributes,
  storeFilesWorkflowId,
  updateNames,
  workflowTypes,
  type StoreFilesInput,
  type StoreFilesResult,
} from '#workflows/messages.ts';
import type { TemporalAvailability } from './temporal-availability.ts';

/** A group whose worker died is taken over after this; longer steps prolong it by themselves. */
const workflowTaskTimeoutMs = 5_000;
const retryPauseMs = 250;
/** `UNAVAILABLE` of gRPC: no connection, or the server is on its way down. */
const unavailable = 14;

/**
 * Starts the workflow of one group and waits for its answer, all in one call that may be sent
 * again: workflow and update have the group's id.
 */
export interface GroupSender {
  /**
   * @returns null when the outcome is not known here: the rows know it. That is so after
   *   `limits.startDeadlineMs` of failing calls, or at `limits.storeDeadlineMs`.
   */
  sendGroup(elementId: ElementId, input: StoreFilesInput): Promise<StoreFilesResult | null>;
}

export function createGroupSender(
  client: Client,
  availability: Pick<TemporalAvailability, 'report'>,
): GroupSender {
  return {
    async sendGroup(elementId, input) {
      const startedAt = Date.now();
      const deadlineAt = startedAt + limits.storeDeadlineMs;
      const startBy = startedAt + limits.startDeadlineMs;
      for (;;) {
        try {
          const result = await client.withDeadline(deadlineAt, () =>
            updateWithStart(client, elementId, input),
          );
          availability.report(true);
          return result;
        } catch (error) {
          if (isAnswer(error)) return null;
          if (isUnavailable(error)) availability.report(false);
          // Whatever it was, the start may have happened. Sent again it only joins in.
          if (Date.now() + retryPauseMs > startBy) return null;
          await sleep(retryPauseMs);
        }
      }
    },
  };
}

function updateWithStart(
  client: Client,
  elementId: ElementId,
  input: StoreFilesInput,
): Promise<StoreFilesResult> {
  const { groupId, fileIds } = input;
  return client.workflow.executeUpdateWithStart<
    (input: StoreFilesInput) => Promise<StoreFilesResult>,
    StoreFilesResult,
    []
  >(updateNames.store, {
    updateId: groupId,
    args: [],
    startWorkflowOperation: new WithStartWorkflowOperation(workflowTypes.storeFiles, {
      workflowId: storeFilesWorkflowId(groupId),
      taskQueue: elementTaskQueue(elementId),
      workflowTaskTimeout: workflowTaskTimeoutMs,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      typedSearchAttributes: new TypedSearchAttributes([
        { key: searchAttributes.fileIds, value: [...fileIds] },
        { key: searchAttributes.elementId, value: elementId },
        { key: searchAttributes.operation, value: workflowTypes.storeFiles },
        { key: searchAttributes.phase, value: phases.running },
      ]),
    }),
  });
}

/** The workflow has ended, or refuses to say more: no further call will. */
function isAnswer(error: unknown): boolean {
  return (
    error instanceof WorkflowUpdateFailedError ||
    error instanceof WorkflowExecutionAlreadyStartedError ||
    error instanceof WorkflowNotFoundError
  );
}

function isUnavailable(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isGrpcServiceError(current)) return current.code === unavailable;
  }
  return false;
}

import { setTimeout as sleep } from 'node:timers/promises';
import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  isGrpcServiceError,
  type Client,
} from '@temporalio/client';
import { TypedSearchAttributes, type SearchAttributePair } from '@temporalio/common';
import { limits } from '#domain/limits.ts';
import type { TemporalAvailability } from './temporal-availability.ts';

const retryPauseMs = 250;
/** `UNAVAILABLE` of gRPC: no connection, or the server is on its way down. */
const unavailable = 14;

/** A workflow to start, and the update by which its caller gets the answer. */
export interface UpdateToSend {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly taskQueue: string;
  /** What closed workflows of this id mean; a running one always refuses. */
  readonly reusePolicy: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE';
  readonly input: object;
  readonly updateName: string;
  readonly updateId: string;
  readonly searchAttributes: readonly SearchAttributePair[];
}

export type SentUpdate<Result> =
  | { readonly kind: 'answered'; readonly result: Result }
  /** By this very call, when its first try came through and the answer did not, or by another. */
  | { readonly kind: 'already-started' }
  /** The rows know what happened, if anything. */
  | { readonly kind: 'unknown' };

export interface UpdateSender {
  /** Returns at `deadlineAt` (epoch milliseconds) at the latest; failing calls are repeated for `limits.startDeadlineMs`. */
  send<Result>(update: UpdateToSend, deadlineAt: number): Promise<SentUpdate<Result>>;
}

export function createUpdateSender(
  client: Client,
  availability: Pick<TemporalAvailability, 'report'>,
): UpdateSender {
  return {
    async send<Result>(update: UpdateToSend, deadlineAt: number): Promise<SentUpdate<Result>> {
      const startBy = Math.min(Date.now() + limits.startDeadlineMs, deadlineAt);
      for (;;) {
        try {
          const result = await client.withDeadline(deadlineAt, () =>
            updateWithStart<Result>(client, update),
          );
          availability.report(true);
          return { kind: 'answered', result };
        } catch (error) {
          if (error instanceof WorkflowExecutionAlreadyStartedError) {
            return { kind: 'already-started' };
          }
          if (hasEnded(error)) return { kind: 'unknown' };
          if (isUnavailable(error)) availability.report(false);
          if (Date.now() + retryPauseMs > startBy) return { kind: 'unknown' };
          await sleep(retryPauseMs);
        }
      }
    },
  };
}

function updateWithStart<Result>(client: Client, update: UpdateToSend): Promise<Result> {
  return client.workflow.executeUpdateWithStart<(input: object) => Promise<unknown>, Result, []>(
    update.updateName,
    {
      updateId: update.updateId,
      args: [],
      startWorkflowOperation: new WithStartWorkflowOperation(update.workflowType, {
        workflowId: update.workflowId,
        taskQueue: update.taskQueue,
        args: [update.input],
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: update.reusePolicy,
        typedSearchAttributes: new TypedSearchAttributes([...update.searchAttributes]),
      }),
    },
  );
}

/** The workflow refuses to say more: no further call will get an answer. */
export function hasEnded(error: unknown): boolean {
  return error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError;
}

export function isUnavailable(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isGrpcServiceError(current)) return current.code === unavailable;
  }
  return false;
}

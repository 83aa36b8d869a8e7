import { setTimeout as sleep } from 'node:timers/promises';
import { TypedSearchAttributes } from '@temporalio/common';
import type { WorkflowClient } from '@temporalio/client';
import type { FeedConsumer } from '#domain/ports/outbox.ts';
import {
  catalogueTaskQueue,
  followOutboxWorkflowId,
  phases,
  searchAttributes,
  workflowTypes,
  type FollowOutboxInput,
} from '#workflows/messages.ts';

export interface FollowerOptions {
  readonly consumers: readonly FeedConsumer[];
  readonly signal: AbortSignal;
  readonly onFailure: (error: unknown) => void;
}

/** So soon a follower that was ended by force is there again. */
const lookEveryMs = 30_000;
const retryMs = 1_000;
const callTimeoutMs = 10_000;

/** Sees to it that there is one follower for each consumer, until `signal` is aborted. */
export async function keepFollowersRunning(
  client: WorkflowClient,
  { consumers, signal, onFailure }: FollowerOptions,
): Promise<void> {
  while (!signal.aborted) {
    let pauseMs = lookEveryMs;
    try {
      for (const consumer of consumers) await startFollower(client, consumer);
    } catch (error) {
      if (!signal.aborted) onFailure(error);
      pauseMs = retryMs;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

async function startFollower(client: WorkflowClient, consumer: FeedConsumer): Promise<void> {
  await client.withDeadline(Date.now() + callTimeoutMs, () =>
    client.start<(input: FollowOutboxInput) => Promise<never>>(workflowTypes.followOutbox, {
      workflowId: followOutboxWorkflowId(consumer),
      taskQueue: catalogueTaskQueue,
      args: [{ consumer }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      typedSearchAttributes: new TypedSearchAttributes([
        { key: searchAttributes.operation, value: workflowTypes.followOutbox },
        { key: searchAttributes.phase, value: phases.running },
      ]),
    }),
  );
}

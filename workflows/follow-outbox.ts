import {
  ActivityFailure,
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
} from '@temporalio/workflow';
import type { FollowOutboxActivities } from '#activities/follow-outbox-activities.ts';
import type { FollowOutboxInput } from './messages.ts';

const { followOutbox: followTurn } = proxyActivities<FollowOutboxActivities>({
  // Longer than a turn; what ends an attempt whose process died is the missing heartbeat.
  startToCloseTimeout: 900_000,
  heartbeatTimeout: 5_000,
  retry: { initialInterval: 200, maximumInterval: 5_000 },
});

const { pruneOutbox } = proxyActivities<FollowOutboxActivities>({
  startToCloseTimeout: 300_000,
  heartbeatTimeout: 30_000,
  retry: { maximumAttempts: 3, initialInterval: 1_000 },
});

/** Follows the outbox for one consumer, for ever: a run for each turn, so that histories stay short. */
export async function followOutbox(input: FollowOutboxInput): Promise<never> {
  await followTurn(input);
  try {
    await pruneOutbox();
  } catch (error) {
    // The next turn does it.
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    log.warn('old events could not be removed', { error });
  }
  return continueAsNew<typeof followOutbox>(input);
}

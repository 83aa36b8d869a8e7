import type { WorkflowHandle } from '@temporalio/client';
import { DomainError } from '#domain/errors.ts';
import { until, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  createLoggingTarget,
  openFollowerHarness,
  readTaken,
  type FollowerWorkerOptions,
} from '#test/support/follower-harness.ts';
import { storeFiles } from '#test/support/stored-files.ts';

interface FollowerScenario {
  readonly name: string;
  /** Long enough not to end by itself where something else ends it. */
  readonly turnMs: number;
  readonly wrapActivities?: FollowerWorkerOptions['wrapActivities'];
  readonly isCancelled?: true;
}

/** Every branch of `followOutbox`. */
export const followerScenarios: readonly FollowerScenario[] = [
  { name: 'success', turnMs: 300 },
  {
    name: 'prune-fails',
    turnMs: 300,
    wrapActivities: (activities) => ({
      ...activities,
      pruneOutbox: () => Promise.reject(fault()),
    }),
  },
  {
    name: 'turn-recovers',
    turnMs: 300,
    wrapActivities: (activities) => {
      let calls = 0;
      return {
        ...activities,
        followOutbox(input) {
          calls += 1;
          if (calls === 1) return Promise.reject(fault());
          return activities.followOutbox!(input);
        },
      };
    },
  },
  { name: 'cancelled', turnMs: 600_000, isCancelled: true },
];

/** @returns the first run of the scenario, ended. */
export async function playFollower(
  temporal: TemporalHarness,
  { turnMs, wrapActivities, isCancelled }: FollowerScenario,
): Promise<WorkflowHandle> {
  await using harness = await openFollowerHarness(temporal);
  const target = await createLoggingTarget(harness.database);
  await storeFiles(harness.catalogue.uploads, [{}, {}]);
  await using worker = await harness.startWorker({
    target,
    turnMs,
    ...(wrapActivities === undefined ? {} : { wrapActivities }),
  });
  const handle = await harness.startFollower();
  const first = harness.firstRun(handle);
  if (isCancelled === true) {
    const { database } = harness;
    await until('it follows', async () => (await readTaken(database)).length === 2);
    await handle.cancel();
  }
  await until('the run has ended', async () => (await first.describe()).status.name !== 'RUNNING');
  void worker;
  return first;
}

function fault(): DomainError {
  return new DomainError('INTERNAL', 'A fault of the test.');
}

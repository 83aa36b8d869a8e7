import {
  ActivityCancellationType,
  CancellationScope,
  TemporalFailure,
  condition,
  continueAsNew,
  defineSignal,
  log,
  proxyActivities,
  setHandler,
  workflowInfo,
  ContinueAsNew,
} from '@temporalio/workflow';
import type { MigrateShardActivities } from '#activities/migrate-shard-activities.ts';
import { signalNames, type MigrateShardInput } from './messages.ts';

const wakeSignal = defineSignal(signalNames.wake);

/** Waits for an element that is away, however long; a cancel ends it between two chunks. */
const { migrateBatch } = proxyActivities<MigrateShardActivities>({
  startToCloseTimeout: 3_600_000,
  // A cancel is told with the answer to a heartbeat: within four fifths of this.
  heartbeatTimeout: 10_000,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: 500, maximumInterval: 30_000 },
});

/** What cannot be put right soon is left to the sweep. */
const { settleShard } = proxyActivities<MigrateShardActivities>({
  scheduleToCloseTimeout: 60_000,
  startToCloseTimeout: 30_000,
  heartbeatTimeout: 10_000,
  retry: { initialInterval: 500, maximumInterval: 5_000 },
});

/** A signal may be lost with whoever sent it. */
const heldLookMs = 30_000;

/** One part of a run: batches of files, one activity each, until nothing is left. */
export async function migrateShard(input: MigrateShardInput): Promise<void> {
  let isAwake = false;
  setHandler(wakeSignal, () => {
    isAwake = true;
  });
  try {
    for (;;) {
      const turn = await migrateBatch(input);
      if (turn === 'ended') return;
      if (turn === 'held') await condition(() => isAwake, heldLookMs);
      isAwake = false;
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof migrateShard>(input);
    }
  } catch (error) {
    if (error instanceof ContinueAsNew || !(error instanceof TemporalFailure)) throw error;
    await CancellationScope.nonCancellable(() => settle(input));
    throw error;
  }
}

async function settle(input: MigrateShardInput): Promise<void> {
  try {
    await settleShard(input);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    log.warn('claims of a shard are left to the sweep', { shard: input.shard, error });
  }
}

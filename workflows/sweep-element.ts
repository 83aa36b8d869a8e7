import {
  ApplicationFailure,
  TemporalFailure,
  isCancellation,
  log,
  patched,
  proxyActivities,
} from '@temporalio/workflow';
import type { ChangeSweepActivities } from '#activities/change-sweep-activities.ts';
import type { SweepActivities } from '#activities/sweep-activities.ts';
import type { SweepElementInput, SweepElementResult } from './messages.ts';

/** The next run comes soon: a step that keeps failing is left to it. */
const sweep = proxyActivities<SweepActivities & ChangeSweepActivities>({
  startToCloseTimeout: 120_000,
  heartbeatTimeout: 15_000,
  retry: { maximumAttempts: 3, initialInterval: 1_000 },
});

/** Puts right what crashes left behind. Started by a schedule; a run more or less is harmless. */
export async function sweepElement(input: SweepElementInput): Promise<SweepElementResult> {
  const failed: string[] = [];

  async function attempt(name: string, step: () => Promise<number>): Promise<number> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
      failed.push(name);
      log.warn('a step of the sweep failed', { step: name, error });
      return 0;
    }
  }

  const result: SweepElementResult = {
    resolvedGroupCount: await attempt('stalled groups', () => sweep.resolveStalledGroups(input)),
    abandonedCount: await attempt('dead uploads', () => sweep.abandonDeadUploads(input)),
    discardedCount: await attempt('leftovers in staging', () => sweep.discardLeftovers(input)),
    forgottenCount: await attempt('old uploads', () => sweep.forgetFinishedUploads(input)),
    // Runs that began before files could be changed go on without this step.
    settledCount: patched('settle-lost-changes')
      ? await attempt('lost changes', () => sweep.settleLostChanges(input))
      : 0,
  };
  if (failed.length === 0) return result;
  throw ApplicationFailure.create({
    type: 'SWEEP_INCOMPLETE',
    message: `Steps that failed: ${failed.join(', ')}.`,
    nonRetryable: true,
    details: [result],
  });
}

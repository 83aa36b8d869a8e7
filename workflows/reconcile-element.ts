import {
  ActivityCancellationType,
  CancellationScope,
  continueAsNew,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { ReconcileElementActivities } from '#activities/reconcile-element-activities.ts';
import { hasTooManyFindings, newRepair, newRun } from '#domain/reconcile/reconcile-run.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { createStepPolicies } from './activity-policies.ts';
import { describeFailure } from './describe-failure.ts';
import type {
  ReconcileElementInput,
  ReconcileElementResult,
  ReconcileStanding,
} from './messages.ts';
import { runSaga } from './saga.ts';

const { afterPivot } = createStepPolicies<ReconcileElementActivities>();

/** Waits for an element or a catalogue that is down, however long; a cancel ends it. */
const long = proxyActivities<ReconcileElementActivities>({
  startToCloseTimeout: 3_600_000,
  heartbeatTimeout: 15_000,
  // The operation is to end after the last repair that was made.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: 500, maximumInterval: 30_000 },
});

const tooMany: UploadFailure = {
  code: 'TOO_MANY_FINDINGS',
  detail:
    'So much looks wrong that it must be a fault of the mount or of the code, not of the files: ' +
    'nothing was repaired.',
};

/** What has been done, for whoever has to say so in the end. */
interface Progress {
  standing: ReconcileStanding | null;
}

/**
 * Compares an element with its rows, all of it, before anything is repaired; then, if that was
 * asked for, repairs what is safe to. While both are being read and written.
 */
export async function reconcileElement(
  input: ReconcileElementInput,
): Promise<ReconcileElementResult> {
  const { operationId } = input;
  const progress: Progress = { standing: input.resume ?? null };
  return runSaga(async (saga) => {
    saga.compensateWith('an operation that seems to run', (cause) => {
      const nothingMore = 'The reconciliation ended early; what was done stays.';
      return giveUp(input, progress.standing, describeFailure(cause, nothingMore));
    });
    progress.standing ??= await begin(input);
    if (progress.standing === null) return { wrongCount: 0, repairedCount: 0 };
    const compared = await compare(input, progress, progress.standing);
    if (compared.apply && hasTooManyFindings(compared.run)) {
      await giveUp(input, compared, tooMany);
      return resultOf(compared);
    }
    const done = compared.apply ? await repair(input, progress, compared) : compared;
    await long.completeReconcile({ operationId, run: done.run, repair: done.repair });
    return resultOf(done);
  });
}

/** @returns null when there is nothing to do, or it must not be done. */
async function begin(input: ReconcileElementInput): Promise<ReconcileStanding | null> {
  const start = await long.beginReconcile({ operationId: input.operationId });
  if (start === null) return null;
  if (start.kind === 'refused') {
    await giveUp(input, null, start.failure);
    return null;
  }
  const { apply, startedAt, rowCount } = start;
  return { apply, startedAt, rowCount, run: newRun, repair: null };
}

/** In turns; a history that grows too long goes on in a new run. */
async function compare(
  input: ReconcileElementInput,
  progress: Progress,
  from: ReconcileStanding,
): Promise<ReconcileStanding> {
  const { operationId } = input;
  let standing = from;
  while (!standing.run.isWhole) {
    const { startedAt, rowCount } = standing;
    const run = await long.compareFiles({ operationId, startedAt, rowCount, run: standing.run });
    standing = { ...standing, run };
    progress.standing = standing;
    await startAnew(input, standing);
  }
  return standing;
}

async function repair(
  input: ReconcileElementInput,
  progress: Progress,
  from: ReconcileStanding,
): Promise<ReconcileStanding> {
  const { operationId } = input;
  let standing = from;
  for (let run = from.repair ?? newRepair; !run.isWhole;) {
    const { startedAt } = standing;
    run = await long.repairFindings({ operationId, startedAt, repair: run });
    standing = { ...standing, repair: run };
    progress.standing = standing;
    await startAnew(input, standing);
  }
  return standing;
}

async function startAnew(input: ReconcileElementInput, standing: ReconcileStanding): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested) return;
  await continueAsNew<typeof reconcileElement>({ ...input, resume: standing });
}

async function giveUp(
  { operationId }: ReconcileElementInput,
  standing: ReconcileStanding | null,
  failure: UploadFailure,
): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    afterPivot((run) => run.giveUpReconcile({ operationId, standing, failure })),
  );
}

function resultOf({ run, repair }: ReconcileStanding): ReconcileElementResult {
  return {
    wrongCount: run.counts.wrong,
    repairedCount: repair === null ? 0 : repair.rowsAdded + repair.quarantined,
  };
}

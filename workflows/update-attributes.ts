import {
  CancellationScope,
  CancelledFailure,
  TemporalFailure,
  allHandlersFinished,
  condition,
  defineUpdate,
  isCancellation,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ChangeActivities } from '#activities/change-activities.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { createStepPolicies } from './activity-policies.ts';
import { describeFailure } from './describe-failure.ts';
import {
  phases,
  searchAttributes,
  updateNames,
  type Phase,
  type UpdateAttributesInput,
  type UpdateAttributesResult,
} from './messages.ts';
import { runSaga, type Saga } from './saga.ts';

const changeUpdate = defineUpdate<UpdateAttributesResult>(updateNames.change);
const { beforePivot, afterPivot } = createStepPolicies<ChangeActivities>();

const nothingHappened = 'The attributes could not be changed; they are as they were.';

/**
 * Rewrites one sidecar. The work does not depend on the update: it carries the answer to the
 * caller, and may come late or never.
 */
export async function updateAttributes(
  input: UpdateAttributesInput,
): Promise<UpdateAttributesResult> {
  const ending = changeFile(input);
  setHandler(changeUpdate, () => ending);
  try {
    return await ending;
  } finally {
    // Not even a cancelled workflow leaves its caller without an answer.
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

function changeFile(input: UpdateAttributesInput): Promise<UpdateAttributesResult> {
  return runSaga(
    async (saga) => {
      saga.compensateWith('the claim of the file', (cause) => {
        const failure = describeFailure(cause, nothingHappened);
        return giveUp(input, failure, isCancellation(cause));
      });
      const taken = await beforePivot((run) => run.claimFile(input));
      if (taken.kind === 'failed') return taken;
      if (taken.kind === 'done') return { kind: 'changed' };
      // The last moment in which a cancel is heard.
      if (CancellationScope.current().consideredCancelled) {
        throw new CancelledFailure('Cancelled before the sidecar was written');
      }
      return goForward(saga, input);
    },
    { onUndo: () => showPhase(phases.undoing) },
  );
}

/** The sidecar may stand from here on: no cancel, no way back. */
function goForward(saga: Saga, input: UpdateAttributesInput): Promise<UpdateAttributesResult> {
  saga.passPivot();
  return CancellationScope.nonCancellable(async () => {
    const failure = await writeSidecar(input);
    if (failure !== null) {
      await giveUp(input, failure, false);
      return { kind: 'failed', failure };
    }
    await afterPivot((run) => run.recordAttributes(input), showSlow);
    return { kind: 'changed' };
  });
}

/** @returns why the sidecar does not stand there; null when it does. */
async function writeSidecar(input: UpdateAttributesInput): Promise<UploadFailure | null> {
  try {
    const outcome = await afterPivot((run) => run.writeSidecar(input), showSlow);
    return outcome === null ? null : { code: outcome.code, detail: outcome.detail };
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    // It cannot be repeated and may have happened: the element knows.
    const isWritten = await afterPivot((run) => run.isSidecarWritten(input), showSlow);
    return isWritten ? null : describeFailure(error, nothingHappened);
  }
}

function giveUp(
  input: UpdateAttributesInput,
  failure: UploadFailure,
  isCancelled: boolean,
): Promise<void> {
  return afterPivot((run) => run.giveUpChange({ ...input, failure, isCancelled }));
}

function showSlow(): void {
  showPhase(phases.finishing);
}

function showPhase(phase: Phase): void {
  upsertSearchAttributes([{ key: searchAttributes.phase, value: phase }]);
}

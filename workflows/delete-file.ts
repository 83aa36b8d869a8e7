import {
  CancellationScope,
  CancelledFailure,
  TemporalFailure,
  allHandlersFinished,
  condition,
  defineUpdate,
  isCancellation,
  setHandler,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ChangeActivities } from '#activities/change-activities.ts';
import type { ChangeStep } from '#activities/change-steps.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { createStepPolicies } from './activity-policies.ts';
import { describeFailure } from './describe-failure.ts';
import {
  phases,
  searchAttributes,
  updateNames,
  type DeleteFileInput,
  type DeleteFileResult,
  type Phase,
  type TombstoneResult,
} from './messages.ts';
import { runSaga, type Saga } from './saga.ts';

const tombstoneUpdate = defineUpdate<TombstoneResult>(updateNames.tombstone);
const { beforePivot, afterPivot } = createStepPolicies<ChangeActivities>();

const nothingHappened = 'The file could not be deleted; it is as it was.';

/** Told once, by the step that hides the file from readers, or refuses to. */
interface Answer {
  readonly promise: Promise<TombstoneResult>;
  resolve(result: TombstoneResult): void;
  reject(error: unknown): void;
}

/** Deletes one file, after a time in which a cancel brings it back. */
export async function deleteFile(input: DeleteFileInput): Promise<DeleteFileResult> {
  const answer: Answer = Promise.withResolvers<TombstoneResult>();
  // Nobody may be asking.
  answer.promise.catch(() => undefined);
  setHandler(tombstoneUpdate, () => answer.promise);
  try {
    return await removeFile(input, answer);
  } catch (error) {
    answer.reject(error);
    throw error;
  } finally {
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

function removeFile({ graceMs, ...step }: DeleteFileInput, answer: Answer) {
  return runSaga<DeleteFileResult>(
    async (saga) => {
      saga.compensateWith('the tombstone of the file', (cause) => {
        const failure = describeFailure(cause, nothingHappened);
        return giveUp(step, failure, isCancellation(cause));
      });
      const taken = await beforePivot((run) => run.claimFile(step));
      const ofOperation = step.operationId;
      if (taken.kind === 'failed') {
        answer.resolve({ ...taken, ofOperation });
        return taken;
      }
      answer.resolve({ kind: 'tombstoned', ofOperation });
      if (taken.kind === 'done') return { kind: 'deleted' };
      if (graceMs > 0) await sleep(graceMs);
      // The last moment in which a cancel is heard.
      if (CancellationScope.current().consideredCancelled) {
        throw new CancelledFailure('Cancelled before the sidecar was moved away');
      }
      return goForward(saga, step);
    },
    { onUndo: () => showPhase(phases.undoing) },
  );
}

/** The sidecar may be away from here on: no cancel, no way back. */
function goForward(saga: Saga, step: ChangeStep): Promise<DeleteFileResult> {
  saga.passPivot();
  return CancellationScope.nonCancellable(async () => {
    const failure = await moveSidecarAway(step);
    if (failure !== null) {
      await giveUp(step, failure, false);
      return { kind: 'failed', failure };
    }
    await afterPivot((run) => run.removeContent(step), showSlow);
    await afterPivot((run) => run.purgeFile(step), showSlow);
    return { kind: 'deleted' };
  });
}

/** @returns why the sidecar is still in its place; null when it is away. */
async function moveSidecarAway(step: ChangeStep): Promise<UploadFailure | null> {
  try {
    const outcome = await afterPivot((run) => run.moveSidecarAway(step), showSlow);
    return outcome === null ? null : { code: outcome.code, detail: outcome.detail };
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    // It cannot be repeated and may have happened: the element knows.
    const isAway = await afterPivot((run) => run.isSidecarAway(step), showSlow);
    return isAway ? null : describeFailure(error, nothingHappened);
  }
}

function giveUp(step: ChangeStep, failure: UploadFailure, isCancelled: boolean): Promise<void> {
  return afterPivot((run) => run.giveUpChange({ ...step, failure, isCancelled }));
}

function showSlow(): void {
  showPhase(phases.finishing);
}

function showPhase(phase: Phase): void {
  upsertSearchAttributes([{ key: searchAttributes.phase, value: phase }]);
}

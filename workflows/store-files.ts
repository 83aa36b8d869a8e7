import {
  CancellationScope,
  CancelledFailure,
  TemporalFailure,
  allHandlersFinished,
  condition,
  defineUpdate,
  isCancellation,
  log,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { StoreFilesActivities } from '#activities/store-files-activities.ts';
import type { GroupId } from '#domain/ids.ts';
import type { FailedFile, UploadFailure } from '#domain/uploads.ts';
import { createStepPolicies } from './activity-policies.ts';
import {
  phases,
  searchAttributes,
  updateNames,
  type Phase,
  type StoreFilesInput,
  type StoreFilesResult,
} from './messages.ts';
import { reviveDomainError } from './revive-domain-error.ts';
import { runSaga, type Saga } from './saga.ts';

const storeUpdate = defineUpdate<StoreFilesResult>(updateNames.store);
const { beforePivot, afterPivot } = createStepPolicies<StoreFilesActivities>();

/**
 * Commits a group of staged uploads, each with its own outcome. The work does not depend on the
 * update: it carries the answer to the callers, and may come late or never.
 */
export async function storeFiles(input: StoreFilesInput): Promise<StoreFilesResult> {
  const ending = commitGroup(input);
  setHandler(storeUpdate, () => ending);
  try {
    return await ending;
  } finally {
    // Not even a cancelled workflow leaves its callers without their answer.
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

function commitGroup({ groupId, fileIds }: StoreFilesInput): Promise<StoreFilesResult> {
  return runSaga(
    async (saga) => {
      saga.compensateWith('uploads that wait for an answer', (cause) =>
        afterPivot((run) => run.failGroup({ groupId, fileIds, failure: describeFailure(cause) })),
      );
      const { claimedCount, notClaimed } = await beforePivot((run) =>
        run.claimGroup({ groupId, fileIds }),
      );
      // A start that came after the sweep gave the uploads back: there is nothing to do.
      if (claimedCount === 0) return { storedCount: 0, failures: [], notClaimed };
      const uncommitted = await commitContents(saga, groupId);
      return { ...(await goForward(saga, groupId, uncommitted)), notClaimed };
    },
    { onUndo: () => showPhase(phases.undoing) },
  );
}

async function commitContents(saga: Saga, groupId: GroupId): Promise<readonly FailedFile[]> {
  saga.compensateWith('content in place without a sidecar', () =>
    afterPivot((run) => run.returnContents({ groupId, fileIds: null })),
  );
  const failures = await beforePivot((run) => run.commitContents({ groupId }));
  // The last moment in which a cancel is heard.
  if (CancellationScope.current().consideredCancelled) {
    throw new CancelledFailure('Cancelled before the first sidecar was written');
  }
  return failures;
}

/** A sidecar may stand from here on, so a file may exist: no cancel, no way back. */
function goForward(
  saga: Saga,
  groupId: GroupId,
  uncommitted: readonly FailedFile[],
): Promise<Pick<StoreFilesResult, 'storedCount' | 'failures'>> {
  saga.passPivot();
  return CancellationScope.nonCancellable(async () => {
    const unwritten = await writeSidecars(groupId, uncommitted);
    const failures = [...uncommitted, ...unwritten];
    if (failures.length > 0) await returnFailed(groupId, failures);
    return afterPivot((run) => run.recordGroup({ groupId, failures }), showSlow);
  });
}

async function writeSidecars(
  groupId: GroupId,
  uncommitted: readonly FailedFile[],
): Promise<readonly FailedFile[]> {
  const without = uncommitted.map(({ fileId }) => fileId);
  try {
    return await afterPivot((run) => run.writeSidecars({ groupId, without }), showSlow);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    // It cannot be repeated and may be half done: the element knows which files exist.
    const failure = describeFailure(error);
    return afterPivot((run) => run.decideFiles({ groupId, without, failure }), showSlow);
  }
}

/**
 * What cannot become a file goes back to staging, where the sweep finds it. Bounded: one file
 * that resists must not hold up those that exist.
 */
async function returnFailed(groupId: GroupId, failures: readonly FailedFile[]): Promise<void> {
  const fileIds = failures.map(({ fileId }) => fileId);
  try {
    await beforePivot((run) => run.returnContents({ groupId, fileIds }));
  } catch (error) {
    log.warn('content without a sidecar was left in place', { fileIds, error });
  }
}

/** Whatever went wrong before the commit point: the caller may try again. */
function describeFailure(cause: TemporalFailure): UploadFailure {
  if (isCancellation(cause)) {
    return { code: 'OPERATION_CANCELLED', detail: 'The operation was cancelled.' };
  }
  const error = reviveDomainError(cause);
  if (error?.kind === 'unavailable') return { code: error.code, detail: error.message };
  return {
    code: 'WORKFLOWS_UNAVAILABLE',
    detail: 'The file could not be committed; nothing of it was stored.',
  };
}

function showSlow(): void {
  showPhase(phases.finishing);
}

function showPhase(phase: Phase): void {
  upsertSearchAttributes([{ key: searchAttributes.phase, value: phase }]);
}

import {
  ActivityCancellationType,
  CancellationScope,
  continueAsNew,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { ReindexSearchActivities } from '#activities/reindex-search-activities.ts';
import type { OperationId } from '#domain/ids.ts';
import { createStepPolicies } from './activity-policies.ts';
import { describeFailure } from './describe-failure.ts';
import type { ReindexSearchInput, ReindexSearchResult, ReindexStanding } from './messages.ts';
import { runSaga, type Saga } from './saga.ts';

const { beforePivot, afterPivot } = createStepPolicies<ReindexSearchActivities>();

/** Waits for an index that is down, however long; a cancel ends it. */
const long = proxyActivities<ReindexSearchActivities>({
  startToCloseTimeout: 3_600_000,
  heartbeatTimeout: 15_000,
  // What is dropped after a cancel must not be made by a step that still runs.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: 500, maximumInterval: 10_000 },
});

/** What is left over of an index that never served is no reason to wait for ever. */
const { dropIndex } = proxyActivities<ReindexSearchActivities>({
  startToCloseTimeout: 180_000,
  heartbeatTimeout: 15_000,
  retry: { initialInterval: 500, maximumAttempts: 5 },
});

/**
 * Fills a new index beside the serving one, catches up with what happened meanwhile, and lets it
 * take the old one's place. Searches go on all the time.
 */
export async function reindexSearch(input: ReindexSearchInput): Promise<ReindexSearchResult> {
  const { operationId } = input;
  return runSaga(async (saga) => {
    saga.compensateWith('an operation that seems to run', (cause) =>
      finish(operationId, describeFailure(cause, 'The search index is as it was.'), 0),
    );
    const standing = input.resume ?? (await begin(operationId));
    // Given up before the start came through.
    if (standing === null) return { indexedCount: 0 };
    const { indexName } = standing;
    saga.compensateWith('an index that never served', () => dropIndex({ indexName }));
    if (input.resume === undefined) await long.createIndex({ indexName });
    const filled = await fill(operationId, standing);
    const feedPosition = await catchUp(operationId, { ...standing, filled });
    await takePlace(saga, { indexName, feedPosition });
    await finish(operationId, null, filled.doneCount);
    return { indexedCount: filled.doneCount };
  });
}

async function begin(operationId: OperationId): Promise<ReindexStanding | null> {
  const begun = await beforePivot((run) => run.beginReindex({ operationId }));
  if (begun === null) return null;
  return { ...begun, filled: { after: null, doneCount: 0, isWhole: false } };
}

/** In turns; a history that grows too long goes on in a new run. */
async function fill(operationId: OperationId, standing: ReindexStanding) {
  const { indexName, totalCount } = standing;
  let { filled } = standing;
  for (;;) {
    filled = await long.fillIndex({ operationId, indexName, totalCount, filled });
    if (filled.isWhole) return filled;
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof reindexSearch>({
        operationId,
        resume: { ...standing, filled },
      });
    }
  }
}

/** An index that was wiped before it could serve is filled once more. */
async function catchUp(operationId: OperationId, standing: ReindexStanding) {
  const { indexName, feedPosition } = standing;
  for (;;) {
    const reached = await long.catchUp({ indexName, feedPosition });
    if (reached !== null) return reached.feedPosition;
    const filled = { after: null, doneCount: 0, isWhole: false };
    await fill(operationId, { ...standing, filled });
  }
}

function takePlace(
  saga: Saga,
  { indexName, feedPosition }: Pick<ReindexStanding, 'indexName' | 'feedPosition'>,
): Promise<void> {
  // The last moment in which a cancel is heard: half swapped is worse than either.
  saga.passPivot();
  return CancellationScope.nonCancellable(async () => {
    await long.swapIndex({ indexName });
    await long.settle({ feedPosition });
  });
}

async function finish(
  operationId: OperationId,
  failure: ReturnType<typeof describeFailure> | null,
  indexedCount: number,
): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    afterPivot((run) => run.finishReindex({ operationId, failure, indexedCount })),
  );
}

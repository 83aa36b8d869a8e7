import {
  ActivityCancellationType,
  CancellationScope,
  continueAsNew,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { RebuildCatalogueActivities } from '#activities/rebuild-catalogue-activities.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { createStepPolicies } from './activity-policies.ts';
import { describeFailure } from './describe-failure.ts';
import type { RebuildCatalogueInput } from './messages.ts';
import { runSaga } from './saga.ts';

const { afterPivot } = createStepPolicies<RebuildCatalogueActivities>();

/** Waits for an element or a catalogue that is down, however long; a cancel ends it. */
const long = proxyActivities<RebuildCatalogueActivities>({
  startToCloseTimeout: 3_600_000,
  heartbeatTimeout: 15_000,
  // The operation is to end after the last batch that was written.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: 500, maximumInterval: 30_000 },
});

const cancelled: UploadFailure = {
  code: 'OPERATION_CANCELLED',
  detail: 'The operation was cancelled.',
};

/**
 * Makes the catalogue's rows of an element from its sidecars, in turns, while it is being read and
 * written. There is nothing to undo: what was taken is what stands on the element.
 */
export async function rebuildCatalogue(input: RebuildCatalogueInput): Promise<void> {
  const { operationId } = input;
  const whole = CancellationScope.current();
  await runSaga(async (saga) => {
    saga.compensateWith('an operation that seems to run', (cause) => {
      // A turn that failed when it was asked to end is not tried again, and ends as a failure.
      const failure = whole.consideredCancelled
        ? cancelled
        : describeFailure(cause, 'The rebuild ended early; what was done stays.');
      return afterPivot((run) => run.giveUpRebuild({ operationId, failure }));
    });
    // Safe to ask again in each run: it says whether there is something to do.
    if (!(await long.beginRebuild({ operationId }))) return;
    while (!(await long.rebuildFiles({ operationId }))) {
      if (workflowInfo().continueAsNewSuggested) {
        await continueAsNew<typeof rebuildCatalogue>(input);
      }
    }
    await CancellationScope.nonCancellable(() => long.completeRebuild({ operationId }));
  });
}

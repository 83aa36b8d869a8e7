import {
  CancellationScope,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  TemporalFailure,
  WorkflowIdReusePolicy,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  sleep,
} from '@temporalio/workflow';
import type { BatchActivities, BatchOutcome } from '#activities/batch-activities.ts';
import type { AccountId, ElementId, OperationId } from '#domain/ids.ts';
import type { BatchItem } from '#domain/ports/file-changes.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { createStepPolicies } from './activity-policies.ts';
import { createBatchProgress, type BatchProgress } from './batch-progress.ts';
import { deleteFile } from './delete-file.ts';
import { describeFailure } from './describe-failure.ts';
import {
  deleteFileWorkflowId,
  elementTaskQueue,
  phases,
  searchAttributes,
  workflowTypes,
  type BatchDeleteInput,
  type BatchDeleteResult,
} from './messages.ts';

const { beforePivot, afterPivot } = createStepPolicies<BatchActivities>();

/** Deletions of one batch under way at once. Those that wait out a grace period wait together. */
const parallelDeletions = 8;

/** Between two looks at a deletion that goes on by itself. */
const settlePauseMs = 1_000;

const nothingHappened = 'The file could not be deleted; it is as it was.';

/**
 * Deletes many files, each by a workflow of its own, and keeps what became of each. A cancel stops
 * what has not begun, and is passed on to what can still be undone.
 */
export async function batchDelete({ operationId }: BatchDeleteInput): Promise<BatchDeleteResult> {
  const batch = await beginBatch(operationId);
  // Given up before the start came through.
  if (batch === null) return { deletedCount: 0, failedCount: 0, skippedCount: 0 };
  const { items } = batch;
  const progress = createBatchProgress(items, (outcomes) =>
    afterPivot((run) => run.recordBatch({ operationId, outcomes, totalCount: items.length })),
  );
  await deleteItems({ ...batch, operationId, progress });
  const outcomes = await progress.finish();
  const isCancelled = CancellationScope.current().consideredCancelled;
  await shielded(() =>
    afterPivot((run) => run.finishBatch({ operationId, outcomes, isCancelled })),
  );
  const count = (wanted: BatchOutcome['outcome']): number =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  return {
    deletedCount: count('deleted'),
    failedCount: count('failed'),
    skippedCount: count('skipped'),
  };
}

async function beginBatch(operationId: OperationId) {
  try {
    return await beforePivot((run) => run.beginBatch({ operationId }));
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    const failure = describeFailure(error, 'The batch could not begin; nothing was deleted.');
    const isCancelled = isCancellation(error);
    await shielded(() => afterPivot((run) => run.failBatch({ operationId, failure, isCancelled })));
    throw error;
  }
}

interface Batch {
  readonly operationId: OperationId;
  readonly startedBy: AccountId;
  readonly graceMs: number;
  readonly items: readonly BatchItem[];
  readonly progress: BatchProgress;
}

async function deleteItems(batch: Batch): Promise<void> {
  const queue = batch.items.values();
  async function work(): Promise<void> {
    for (const item of queue) batch.progress.report(await deleteItem(batch, item));
  }
  const width = batch.graceMs > 0 ? batch.items.length : parallelDeletions;
  await Promise.all(Array.from({ length: Math.min(width, batch.items.length) }, work));
}

async function deleteItem(batch: Batch, item: BatchItem): Promise<BatchOutcome> {
  const { fileId } = item;
  try {
    // A step on a cancelled scope throws what tells so.
    const opened = await beforePivot((run) =>
      run.openItem({ operationId: batch.operationId, item }),
    );
    if (opened.kind === 'failed') {
      const { operationId, failure } = opened;
      return { fileId, operationId, outcome: 'failed', failure };
    }
    const result = await runDeletion(batch, item, opened.elementId);
    return result.kind === 'deleted'
      ? { fileId, operationId: item.operationId, outcome: 'deleted', failure: null }
      : { fileId, operationId: item.operationId, outcome: 'failed', failure: result.failure };
  } catch (error) {
    return settleItem(item, describeItemFailure(error), isCancellation(error));
  }
}

/** A cancel may come before the child has started, and then nobody passes it on. */
function settleItem(
  item: BatchItem,
  failure: UploadFailure,
  isCancelled: boolean,
): Promise<BatchOutcome> {
  return shielded(async () => {
    for (;;) {
      const outcome = await afterPivot((run) => run.settleItem({ item, failure, isCancelled }));
      if (outcome !== null) return outcome;
      if (isCancelled) await cancelDeletion(item);
      await sleep(settlePauseMs);
    }
  });
}

async function cancelDeletion({ fileId }: BatchItem): Promise<void> {
  try {
    await getExternalWorkflowHandle(deleteFileWorkflowId(fileId)).cancel();
  } catch (error) {
    // It has just ended.
    if (!(error instanceof TemporalFailure)) throw error;
  }
}

function runDeletion({ startedBy, graceMs }: Batch, item: BatchItem, elementId: ElementId) {
  const { fileId } = item;
  return executeChild(deleteFile, {
    workflowId: deleteFileWorkflowId(fileId),
    taskQueue: elementTaskQueue(elementId),
    args: [{ ...item, graceMs }],
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A batch that is ended by force leaves whole files behind, or none.
    parentClosePolicy: ParentClosePolicy.ABANDON,
    typedSearchAttributes: [
      { key: searchAttributes.fileIds, value: [fileId] },
      { key: searchAttributes.elementId, value: elementId },
      { key: searchAttributes.actor, value: startedBy },
      { key: searchAttributes.operation, value: workflowTypes.deleteFile },
      { key: searchAttributes.phase, value: phases.running },
    ],
  });
}

function describeItemFailure(error: unknown): UploadFailure {
  if (!(error instanceof TemporalFailure)) throw error;
  // The workflow API does not export its class.
  if (error.name === 'WorkflowExecutionAlreadyStartedError') {
    return {
      code: 'OPERATION_IN_PROGRESS',
      detail: 'A deletion of this file is already running.',
    };
  }
  return describeFailure(error, nothingHappened);
}

function shielded<Result>(step: () => Promise<Result>): Promise<Result> {
  return CancellationScope.nonCancellable(step);
}

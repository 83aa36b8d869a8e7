import {
  CancellationScope,
  CancelledFailure,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  TemporalFailure,
  WorkflowIdReusePolicy,
  condition,
  defineSignal,
  executeChild,
  isCancellation,
  log,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import type {
  MigrateAttributesActivities,
  ShardToRun,
} from '#activities/migrate-attributes-activities.ts';
import type { OperationId } from '#domain/ids.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { createStepPolicies } from './activity-policies.ts';
import { describeFailure } from './describe-failure.ts';
import {
  elementTaskQueue,
  migrateShardWorkflowId,
  phases,
  searchAttributes,
  signalNames,
  workflowTypes,
  type MigrateAttributesInput,
  type MigrateAttributesResult,
} from './messages.ts';
import { migrateShard } from './migrate-shard.ts';
import { reviveDomainError } from './revive-domain-error.ts';
import { runSaga } from './saga.ts';

const wakeSignal = defineSignal(signalNames.wake);
const { beforePivot, afterPivot } = createStepPolicies<MigrateAttributesActivities>();

/** Goes over the whole selection, however large; a cancel ends it. */
const { planMigration } = proxyActivities<MigrateAttributesActivities>({
  startToCloseTimeout: 86_400_000,
  heartbeatTimeout: 15_000,
  retry: { initialInterval: 500, maximumInterval: 30_000 },
});

const notFinished = 'The run could not go on; the files that it had finished stay as they are now.';
const nothingDone: MigrateAttributesResult = { done: 0, failed: 0, skipped: 0, total: 0 };

/**
 * Brings files into another version of the attributes, or back, in shards that work side by side.
 * Files that fail are dead letters and stop nothing. A cancel ends between two chunks: what is
 * finished stays.
 */
export async function migrateAttributes({
  operationId,
}: MigrateAttributesInput): Promise<MigrateAttributesResult> {
  let hasChanged = false;
  setHandler(wakeSignal, () => {
    hasChanged = true;
  });
  return runSaga(async (saga) => {
    saga.compensateWith('an operation that seems to run', async (cause) => {
      await finish(operationId, describeEnd(cause));
    });
    const begun = await beforePivot((run) => run.beginMigration({ operationId }));
    // Given up before the start came through.
    if (begun === null) return nothingDone;
    const shards = await planMigration({ operationId });
    await runShards(operationId, shards, {
      concurrency: begun.concurrency,
      async awaitChange() {
        await condition(() => hasChanged);
        hasChanged = false;
        return afterPivot((run) => run.readConcurrency({ operationId }));
      },
    });
    return finish(operationId, null);
  });
}

interface Pace {
  readonly concurrency: number;
  /** Resolves with what it was changed to. */
  awaitChange(): Promise<number>;
}

/** A shard that fails does not stop the others; the first failure is thrown when all have ended. */
async function runShards(
  operationId: OperationId,
  shards: readonly ShardToRun[],
  pace: Pace,
): Promise<void> {
  let { concurrency } = pace;
  let runningCount = 0;
  const failures: TemporalFailure[] = [];

  async function run(shard: ShardToRun): Promise<void> {
    try {
      await runShard(operationId, shard);
    } catch (error) {
      if (!(error instanceof TemporalFailure)) throw error;
      if (!isCancellation(error)) log.warn('a shard failed', { shard: shard.shard, error });
      failures.push(error);
    } finally {
      runningCount -= 1;
    }
  }

  const watching = new CancellationScope();
  const watched = watching.run(async () => {
    for (;;) concurrency = await pace.awaitChange();
  });
  // It ends with its scope, and only so.
  watched.catch(() => undefined);
  try {
    const running: Promise<void>[] = [];
    for (const shard of shards) {
      await condition(() => runningCount < concurrency);
      runningCount += 1;
      running.push(run(shard));
    }
    await Promise.all(running);
  } finally {
    watching.cancel();
  }
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Cancelled');
  if (failures[0] !== undefined) throw failures[0];
}

function runShard(operationId: OperationId, { shard, elementId }: ShardToRun): Promise<void> {
  return executeChild(migrateShard, {
    workflowId: migrateShardWorkflowId(operationId, shard),
    taskQueue: elementTaskQueue(elementId),
    args: [{ operationId, shard }],
    workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    // Ended by force it ends with all of its shards: the sweep puts right what they held.
    parentClosePolicy: ParentClosePolicy.TERMINATE,
    typedSearchAttributes: [
      { key: searchAttributes.elementId, value: elementId },
      { key: searchAttributes.operation, value: workflowTypes.migrateShard },
      { key: searchAttributes.phase, value: phases.running },
    ],
  });
}

function finish(
  operationId: OperationId,
  failure: UploadFailure | null,
): Promise<MigrateAttributesResult> {
  return CancellationScope.nonCancellable(() =>
    afterPivot((run) => run.finishMigration({ operationId, failure })),
  );
}

/** What stops a run as a whole is a reason that can be named, such as a template that is not there. */
function describeEnd(cause: TemporalFailure): UploadFailure {
  const error = isCancellation(cause) ? null : reviveDomainError(cause);
  if (error !== null) return { code: error.code, detail: error.message };
  return describeFailure(cause, notFinished);
}

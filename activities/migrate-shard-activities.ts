import { Context } from '@temporalio/activity';
import type { OperationId } from '#domain/ids.ts';
import { countMigration, presentMigration } from '#domain/migrations/migration-run.ts';
import type { MigrationRuns } from '#domain/ports/migration-runs.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import type { GroupTurns } from './group-turns.ts';
import { settleHeldFiles } from './migration-settlement.ts';
import { runBatch, type MigrationShardPorts, type ShardTurn } from './migration-shard.ts';
import { whileBeating } from './while-beating.ts';

export interface MigrateShardPorts extends MigrationShardPorts {
  readonly runs: MigrationShardPorts['runs'] & Pick<MigrationRuns, 'readReport'>;
  readonly journal: Pick<OperationJournal, 'recordProgress'>;
  /** Two attempts of one shard never overlap in this process. */
  readonly shardTurns: GroupTurns<string>;
}

export interface MigrateShardStep {
  readonly operationId: OperationId;
  readonly shard: number;
}

export type MigrateShardActivities = ReturnType<typeof createMigrateShardActivities>;

/** A slow run must not hold its place in the worker for as long as a batch of it takes. */
const turnMs = 300_000;
const progressEveryMs = 1_000;

/**
 * The steps of `migrateShard`. How far the shard has come stands in its row, written together with
 * the files: an attempt that follows a dead one goes on from there.
 */
export function createMigrateShardActivities(ports: MigrateShardPorts) {
  return {
    /** One batch of files. */
    migrateBatch: (step: MigrateShardStep): Promise<ShardTurn> =>
      inTurn(ports, () => migrateBatch(ports, step)),

    /** What an attempt left behind that nobody follows: its claims end. */
    settleShard: ({ operationId }: MigrateShardStep): Promise<void> =>
      inTurn(ports, async () => {
        const claimedBy = workflowId();
        const filter = { kind: 'shard', operationId, claimedBy } as const;
        await settleHeldFiles(ports, filter, Context.current().cancellationSignal);
      }),
  };
}

function workflowId(): string {
  const { workflowExecution } = Context.current().info;
  if (workflowExecution === undefined) throw new TypeError('a step without a workflow');
  return workflowExecution.workflowId;
}

function inTurn<Result>(
  { shardTurns }: MigrateShardPorts,
  step: () => Promise<Result>,
): Promise<Result> {
  return whileBeating(null, (signal) => shardTurns.take(workflowId(), signal, step));
}

async function migrateBatch(
  ports: MigrateShardPorts,
  { operationId, shard: number }: MigrateShardStep,
): Promise<ShardTurn> {
  const signal = Context.current().cancellationSignal;
  const opened = await ports.runs.openShard(operationId, number);
  if (opened === null || opened.standing.state === 'ended') return 'ended';
  const { run, shard, standing } = opened;
  const work = { run, shard, claimedBy: workflowId() };
  const turn = AbortSignal.timeout(turnMs);
  const report = createReporter(ports, operationId);
  const end = await runBatch(ports, {
    work,
    standing,
    signal,
    isOver: () => turn.aborted,
    async onChunk(latest) {
      Context.current().heartbeat({ position: latest.position });
      signal.throwIfAborted();
      await report(false);
    },
  });
  await report(true);
  return end;
}

/** Every shard writes down how far all of them have come, not too often. */
function createReporter(ports: MigrateShardPorts, operationId: OperationId) {
  let writtenAtMs = performance.now();
  return async (isLast: boolean): Promise<void> => {
    if (!isLast && performance.now() - writtenAtMs < progressEveryMs) return;
    writtenAtMs = performance.now();
    const report = await ports.runs.readReport(operationId);
    if (report === null) return;
    const counts = countMigration(report);
    await ports.journal.recordProgress(operationId, counts, presentMigration(report));
  };
}

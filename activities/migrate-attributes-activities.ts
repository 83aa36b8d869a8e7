import { DomainError } from '#domain/errors.ts';
import type { ElementId, OperationId } from '#domain/ids.ts';
import {
  countMigration,
  presentMigration,
  type MigrationCounts,
  type MigrationRun,
} from '#domain/migrations/migration-run.ts';
import type { MigrationRuns } from '#domain/ports/migration-runs.ts';
import type { OperationEnding, OperationJournal } from '#domain/ports/operation-journal.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { planRun } from './migration-planning.ts';
import { whileBeating } from './while-beating.ts';

export interface MigrateAttributesPorts {
  readonly runs: Pick<
    MigrationRuns,
    | 'beginRun'
    | 'findRun'
    | 'listElements'
    | 'countStretch'
    | 'countOthers'
    | 'recordPlan'
    | 'listShards'
    | 'readReport'
  >;
  readonly journal: Pick<OperationJournal, 'recordProgress' | 'finishOperation'>;
}

interface Run {
  readonly operationId: OperationId;
}

export interface ShardToRun {
  readonly shard: number;
  readonly elementId: ElementId;
}

export type MigrateAttributesActivities = ReturnType<typeof createMigrateAttributesActivities>;

/** The steps of `migrateAttributes` that are its own: the files are the business of its shards. */
export function createMigrateAttributesActivities({ runs, journal }: MigrateAttributesPorts) {
  async function report(operationId: OperationId) {
    const found = await runs.readReport(operationId);
    if (found === null) throw new DomainError('OPERATION_NOT_FOUND', 'There is no such run.');
    return { counts: countMigration(found), result: presentMigration(found) };
  }

  return {
    /** @returns how many shards may work at once; null when the operation has ended already */
    async beginMigration({ operationId }: Run): Promise<{ readonly concurrency: number } | null> {
      const begun = await runs.beginRun(operationId);
      return begun === null ? null : { concurrency: begun.run.request.concurrency };
    },

    /** Counts, and cuts what is to be done into shards. The first plan stays. */
    async planMigration({ operationId }: Run): Promise<readonly ShardToRun[]> {
      await whileBeating(null, async (signal) => {
        const begun = await runs.beginRun(operationId);
        if (begun !== null && !begun.isPlanned) await planRun(runs, begun.run, signal);
      });
      const { counts, result } = await report(operationId);
      await journal.recordProgress(operationId, counts, result);
      return runs.listShards(operationId);
    },

    async readConcurrency({ operationId }: Run): Promise<number> {
      return concurrencyOf((await runs.findRun(operationId))?.run);
    },

    /** @param ending.failure null: every file has its outcome */
    async finishMigration(
      ending: Run & { readonly failure: UploadFailure | null },
    ): Promise<MigrationCounts> {
      const { operationId, failure } = ending;
      const { counts, result } = await report(operationId);
      await journal.recordProgress(operationId, counts, result);
      const isCancelled = failure?.code === 'OPERATION_CANCELLED';
      const end: OperationEnding =
        failure === null
          ? { state: 'completed', result }
          : { state: isCancelled ? 'cancelled' : 'failed', failure, result };
      await journal.finishOperation(operationId, ['pending', 'running', 'paused'], end);
      return counts;
    },
  };
}

function concurrencyOf(run: MigrationRun | undefined): number {
  return run?.request.concurrency ?? 1;
}

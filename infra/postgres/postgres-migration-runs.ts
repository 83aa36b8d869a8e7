import type { OperationId } from '#domain/ids.ts';
import {
  countMigration,
  type MigrationReport,
  type SkippedFiles,
} from '#domain/migrations/migration-run.ts';
import type { MigrationPace } from '#domain/ports/migration-lifecycle.ts';
import type {
  MigrationRuns,
  NewMigrationRun,
  OpenedRun,
  OpenedShard,
  ShardControl,
} from '#domain/ports/migration-runs.ts';
import { openRun } from './migration-opening.ts';
import { countOthers, countStretch, listElements, recordPlan } from './migration-planning.ts';
import {
  runColumns,
  runOfRow,
  shardColumns,
  shardOfRow,
  type RunRow,
  type ShardRow,
} from './migration-rows.ts';
import type { Database } from './open-pool.ts';

const findRun = {
  text: `select ${runColumns}, o.finished_at is not null as is_finished
    from migration_runs r join operations o using (operation_id) where r.operation_id = $1`,
};

/** One that was paused before it began stays paused. */
const begin = {
  text: `update operations o
    set state = case when o.state = 'pending' then 'running' else o.state end, updated_at = now()
    from migration_runs r
    where o.operation_id = $1 and o.finished_at is null and r.operation_id = o.operation_id
    returning ${runColumns}, r.skipped is not null as is_planned`,
};

const listShards = {
  text: `select ${shardColumns} from migration_shards s where s.operation_id = $1 order by s.shard`,
};

const openShard = {
  name: 'open-migration-shard',
  text: `update migration_shards s
    set state = case when s.state = 'planned' then 'running' else s.state end
    from migration_runs r, operations o
    where s.operation_id = $1 and s.shard = $2 and r.operation_id = $1 and o.operation_id = $1
      and o.finished_at is null
    returning ${runColumns}, ${shardColumns}`,
};

/** Those with a lower number come first when fewer are to work at once. */
const readControl = {
  name: 'read-migration-control',
  text: `select r.is_paused or r.concurrency <= (select count(*) from migration_shards s
        where s.operation_id = $1 and s.state = 'running' and s.shard < $2) as is_held,
      r.concurrency, r.files_per_second
    from migration_runs r join operations o using (operation_id)
    where r.operation_id = $1 and o.finished_at is null`,
};

/** One row for all shards: their turns follow each other at the run's rate. */
const reserveTurn = {
  name: 'reserve-migration-turn',
  text: `update migration_runs
    set next_free_at = greatest(next_free_at, now())
      + $2::integer / files_per_second * interval '1 second'
    where operation_id = $1 and files_per_second is not null
    returning extract(epoch from greatest(old.next_free_at, now()) - now())::float8 * 1000
      as delay_ms`,
};

const endShard = {
  name: 'end-migration-shard',
  text: `update migration_shards s
    set state = 'ended', skipped = greatest(s.planned - s.done - s.failed, 0)
    from operations o
    where s.operation_id = $1 and s.shard = $2 and s.chunk = $3 and o.operation_id = $1
      and o.finished_at is null
    returning s.shard`,
};

const setPaused = {
  text: `with op as (
      update operations
      set state = case when $2 then 'paused' else 'running' end, updated_at = now()
      where operation_id = $1 and state = any(case when $2 then array['pending', 'running', 'paused']
        else array['paused', 'running'] end)
      returning operation_id
    )
    update migration_runs r set is_paused = $2, next_free_at = now()
    from op where r.operation_id = op.operation_id returning r.operation_id`,
};

const changePace = {
  text: `update migration_runs r
    set concurrency = $2, files_per_second = $3, next_free_at = now()
    from operations o
    where r.operation_id = $1 and o.operation_id = $1 and o.finished_at is null
    returning r.operation_id`,
};

/** Between two looks the rate is not known well: they are some seconds apart. */
const sampleRate = {
  text: `update migration_runs
    set rate = case when sampled_at is null then null
        else coalesce(rate * 0.5, 0) + case when rate is null then 1 else 0.5 end
          * ($2::bigint - sampled_count) / extract(epoch from now() - sampled_at) end,
      sampled_at = now(), sampled_count = $2
    where operation_id = $1 and not is_paused
      and (sampled_at is null or sampled_at < now() - interval '2 seconds')
    returning rate`,
};

const findReport = {
  text: `select ${runColumns}, r.is_paused, r.skipped, r.rate from migration_runs r
    where r.operation_id = $1`,
};

export class PostgresMigrationRuns implements MigrationRuns {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  openRun(run: NewMigrationRun): Promise<OpenedRun> {
    return openRun(this.#database, run);
  }

  async findRun(operationId: OperationId): ReturnType<MigrationRuns['findRun']> {
    const [row] = await this.#database.query<RunRow & { is_finished: boolean }>(findRun, [
      operationId,
    ]);
    return row === undefined ? null : { run: runOfRow(row), isFinished: row.is_finished };
  }

  async beginRun(operationId: OperationId): ReturnType<MigrationRuns['beginRun']> {
    const [row] = await this.#database.query<RunRow & { is_planned: boolean }>(begin, [
      operationId,
    ]);
    return row === undefined ? null : { run: runOfRow(row), isPlanned: row.is_planned };
  }

  listElements(
    ...[run]: Parameters<MigrationRuns['listElements']>
  ): ReturnType<MigrationRuns['listElements']> {
    return listElements(this.#database, run);
  }

  countStretch(
    ...[run, stretch]: Parameters<MigrationRuns['countStretch']>
  ): ReturnType<MigrationRuns['countStretch']> {
    return countStretch(this.#database, run, stretch);
  }

  countOthers(
    ...[run, page]: Parameters<MigrationRuns['countOthers']>
  ): ReturnType<MigrationRuns['countOthers']> {
    return countOthers(this.#database, run, page);
  }

  recordPlan(
    ...[operationId, plan]: Parameters<MigrationRuns['recordPlan']>
  ): ReturnType<MigrationRuns['recordPlan']> {
    return recordPlan(this.#database, operationId, plan);
  }

  async listShards(operationId: OperationId): ReturnType<MigrationRuns['listShards']> {
    const rows = await this.#database.query<ShardRow>(listShards, [operationId]);
    return rows.map(({ shard, element_id: elementId }) => ({ shard, elementId }));
  }

  async openShard(operationId: OperationId, shard: number): Promise<OpenedShard | null> {
    const [row] = await this.#database.query<RunRow & ShardRow>(openShard, [operationId, shard]);
    if (row === undefined) return null;
    const standing = shardOfRow(row);
    return { run: runOfRow(row), shard: standing, standing };
  }

  async readControl(operationId: OperationId, shard: number): Promise<ShardControl> {
    const [row] = await this.#database.query<{
      is_held: boolean;
      concurrency: number;
      files_per_second: number | null;
    }>(readControl, [operationId, shard]);
    if (row === undefined) return { kind: 'ended' };
    if (row.is_held) return { kind: 'held' };
    const { concurrency, files_per_second: filesPerSecond } = row;
    return { kind: 'go', pace: { concurrency, filesPerSecond } };
  }

  async reserveTurn(operationId: OperationId, fileCount: number): Promise<number> {
    const [row] = await this.#database.query<{ delay_ms: number }>(reserveTurn, [
      operationId,
      fileCount,
    ]);
    return row?.delay_ms ?? 0;
  }

  async endShard(operationId: OperationId, shard: number, chunk: number): Promise<boolean> {
    return (await this.#database.query(endShard, [operationId, shard, chunk])).length > 0;
  }

  async setPaused(operationId: OperationId, isPaused: boolean): Promise<boolean> {
    return (await this.#database.query(setPaused, [operationId, isPaused])).length > 0;
  }

  async changePace(operationId: OperationId, pace: MigrationPace): Promise<boolean> {
    const { concurrency, filesPerSecond } = pace;
    const values = [operationId, concurrency, filesPerSecond];
    return (await this.#database.query(changePace, values)).length > 0;
  }

  async readReport(operationId: OperationId): Promise<MigrationReport | null> {
    const rows = await this.#database.query<ShardRow>(listShards, [operationId]);
    const shards = rows.map(shardOfRow);
    const [found] = await this.#database.query<
      RunRow & { is_paused: boolean; skipped: string | null; rate: number | null }
    >(findReport, [operationId]);
    if (found === undefined) return null;
    const report: MigrationReport = {
      run: runOfRow(found),
      isPaused: found.is_paused,
      skipped: found.skipped === null ? null : (JSON.parse(found.skipped) as SkippedFiles),
      shards,
      rate: found.rate,
    };
    const { done, failed } = countMigration(report);
    const [sampled] = await this.#database.query<{ rate: number | null }>(sampleRate, [
      operationId,
      done + failed,
    ]);
    return sampled === undefined ? report : { ...report, rate: sampled.rate };
  }
}

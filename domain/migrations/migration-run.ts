import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import type { MigrationPace, MigrationRequest } from '#domain/ports/migration-lifecycle.ts';

/** Begins the claims of files that a bulk migration works on: their workflow ids. */
const claimPrefix = 'migrate-attributes/';

export function isMigrationClaim(workflowId: string): boolean {
  return workflowId.startsWith(claimPrefix);
}

/** What is done to each file. The retry of a run does what the run did. */
export type MigrationWork = 'migrate' | 'revert';

export type MigrationAction = MigrationWork | 'retry';

/** Where the files come from. */
export type MigrationSource =
  | 'catalogue'
  /** The ids that the request names. */
  | 'named-files'
  /** The dead letters of another run. */
  | 'failures'
  /** What a run has migrated. */
  | 'originals';

export interface MigrationRun {
  readonly operationId: OperationId;
  readonly action: MigrationAction;
  readonly work: MigrationWork;
  readonly source: MigrationSource;
  /** The run that is retried or reverted; null: it is none of that. */
  readonly ofRun: OperationId | null;
  /** The first of its family: under its id the originals are kept. */
  readonly rootRun: OperationId;
  /** The first run's, but for the pace, which is its own and may change on the way. */
  readonly request: MigrationRequest;
}

/** A part of a run: files of one element with ids in a range, both ends in it. */
export interface MigrationShard {
  readonly shard: number;
  readonly elementId: ElementId;
  readonly fromId: FileId;
  readonly toId: FileId;
  /** Files that were to be done when it was planned. */
  readonly planned: number;
}

/** How far a shard has come; written in the transaction that writes the files. */
export interface ShardStanding {
  readonly state: 'planned' | 'running' | 'ended';
  /** Of the next chunk; whoever repeats one that was recorded is told so by it. */
  readonly chunk: number;
  /** The least id that this pass has not come to; null: the pass is over. */
  readonly position: FileId | null;
  /** Files that this pass has come to: what others held is looked for again. */
  readonly passCount: number;
  readonly done: number;
  readonly failed: number;
  /** Left over at its end: changed, deleted or frozen since it was planned. */
  readonly skipped: number;
  readonly tallies: ShardTallies;
}

/** Counts by name. */
export interface ShardTallies {
  /** Of the sidecars that were read, whatever became of them. */
  readonly dialects: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
}

export interface SkippedFiles {
  /** Not in the version that is to be migrated. */
  readonly otherVersion: number;
  /** On elements whose mode forbids to rewrite them. */
  readonly frozen: number;
}

export interface MigrationReport {
  readonly run: MigrationRun;
  readonly isPaused: boolean;
  /** Null until it is planned. */
  readonly skipped: SkippedFiles | null;
  readonly shards: readonly (MigrationShard & ShardStanding)[];
  /** Files a second, lately; null while nobody knows. */
  readonly rate: number | null;
}

export interface MigrationCounts {
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly total: number;
}

export function countMigration({ shards, skipped }: MigrationReport): MigrationCounts {
  const sum = (count: (shard: MigrationShard & ShardStanding) => number): number =>
    shards.reduce((total, shard) => total + count(shard), 0);
  const skippedCount =
    (skipped?.otherVersion ?? 0) + (skipped?.frozen ?? 0) + sum((shard) => shard.skipped);
  const done = sum((shard) => shard.done);
  const failed = sum((shard) => shard.failed);
  // A shard may meet more files than were there when it was planned.
  const inShards = sum((shard) =>
    Math.max(shard.planned, shard.done + shard.failed + shard.skipped),
  );
  const total = inShards + (skipped?.otherVersion ?? 0) + (skipped?.frozen ?? 0);
  return { done, failed, skipped: skippedCount, total };
}

/** What the operation shows of a run, while it goes on and afterwards. */
export function presentMigration(report: MigrationReport): JsonObject {
  const { run, skipped, shards, rate } = report;
  const { done, failed, skipped: skippedCount, total } = countMigration(report);
  const left = total - done - failed - skippedCount;
  const secondsLeft = rate === null || rate <= 0 ? null : Math.ceil(left / rate);
  return {
    action: run.action,
    of_run: run.ofRun,
    dry_run: run.request.dryRun,
    ...presentPace(run.request),
    rate: rate === null ? null : Math.round(rate * 10) / 10,
    seconds_left: report.isPaused ? null : secondsLeft,
    skipped:
      skipped === null
        ? null
        : {
            other_version: skipped.otherVersion,
            frozen: skipped.frozen,
            left_meanwhile: shards.reduce((count, shard) => count + shard.skipped, 0),
          },
    dialects: sumTallies(shards.map(({ tallies }) => tallies.dialects)),
    failures: sumTallies(shards.map(({ tallies }) => tallies.failures)),
    shards: shards.map((shard) => ({
      shard: shard.shard,
      element_id: shard.elementId,
      state: shard.state,
      planned: shard.planned,
      done: shard.done,
      failed: shard.failed,
      skipped: shard.skipped,
    })),
  };
}

function presentPace({ concurrency, filesPerSecond }: MigrationPace): JsonObject {
  return { concurrency, files_per_second: filesPerSecond };
}

function sumTallies(tallies: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const tally of tallies) {
    for (const [name, count] of Object.entries(tally)) {
      sums.set(name, (sums.get(name) ?? 0) + count);
    }
  }
  return Object.fromEntries([...sums].sort(([one], [other]) => (one < other ? -1 : 1)));
}

export function addTallies(
  tallies: ShardTallies,
  more: { readonly dialects: readonly string[]; readonly failures: readonly string[] },
): ShardTallies {
  const ones = (names: readonly string[]): Record<string, number>[] =>
    names.map((name) => ({ [name]: 1 }));
  return {
    dialects: sumTallies([tallies.dialects, ...ones(more.dialects)]),
    failures: sumTallies([tallies.failures, ...ones(more.failures)]),
  };
}

import type { AccountId, ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type {
  MigrationReport,
  MigrationRun,
  MigrationShard,
  ShardStanding,
  SkippedFiles,
} from '#domain/migrations/migration-run.ts';
import type { MigrationPace } from '#domain/ports/migration-lifecycle.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

export interface NewMigrationRun extends MigrationRun {
  readonly startedBy: AccountId;
  readonly workflowId: string;
}

export type OpenedRun =
  | { readonly kind: 'opened' }
  /** Another run works on one of the elements. */
  | { readonly kind: 'busy'; readonly operationId: OperationId }
  /** There is nothing that it could go over. */
  | { readonly kind: 'empty' };

/** A stretch of ids in their order, counted. */
export interface CountedStretch {
  /** Null: there was nothing from there on. */
  readonly lastId: FileId | null;
  readonly counts: readonly {
    readonly elementId: ElementId;
    readonly wanted: number;
    /** In the selection, but not to be done. */
    readonly others: number;
  }[];
}

export interface CreatedPosition {
  readonly createdAt: Instant;
  readonly fileId: FileId;
}

/** What a shard is to do now. `held`: the run is paused, or enough other shards work. */
export type ShardControl =
  | { readonly kind: 'go'; readonly pace: MigrationPace }
  | { readonly kind: 'held' }
  | { readonly kind: 'ended' };

export interface OpenedShard {
  readonly run: MigrationRun;
  readonly shard: MigrationShard;
  readonly standing: ShardStanding;
}

/**
 * Runs of bulk migrations: what they are to do, how far they have come, whether they may go on. The
 * rows are the truth of all of it. Every method is durable when it resolves, may be repeated, and
 * throws `CATALOGUE_UNAVAILABLE` when the database does not answer.
 */
export interface MigrationRuns {
  /** Operation, run and the hold of its elements, or nothing. The same id again changes nothing. */
  openRun(run: NewMigrationRun): Promise<OpenedRun>;
  findRun(
    operationId: OperationId,
  ): Promise<{ readonly run: MigrationRun; readonly isFinished: boolean } | null>;
  /**
   * The operation is no longer `pending`. @returns null when it has ended or is not there
   */
  beginRun(
    operationId: OperationId,
  ): Promise<{ readonly run: MigrationRun; readonly isPlanned: boolean } | null>;

  /** Those that the run may go over, in order. */
  listElements(
    run: MigrationRun,
  ): Promise<readonly { readonly elementId: ElementId; readonly mode: StorageMode }[]>;
  /**
   * Looks at a bounded number of candidates, whatever the size of the catalogue.
   * @param stretch.elementId of which the ids are; only a run over the catalogue has one
   */
  countStretch(
    run: MigrationRun,
    stretch: {
      readonly elementId: ElementId | null;
      readonly fromId: FileId;
      readonly limit: number;
    },
  ): Promise<CountedStretch>;
  /** Of a run over the catalogue: what it selects on an element and will not touch. */
  countOthers(
    run: MigrationRun,
    page: {
      readonly elementId: ElementId;
      readonly after: CreatedPosition | null;
      readonly limit: number;
    },
  ): Promise<{ readonly others: number; readonly next: CreatedPosition | null }>;
  /** The first plan stays. */
  recordPlan(
    operationId: OperationId,
    plan: { readonly skipped: SkippedFiles; readonly shards: readonly MigrationShard[] },
  ): Promise<void>;
  listShards(
    operationId: OperationId,
  ): Promise<readonly { readonly shard: number; readonly elementId: ElementId }[]>;

  /** The shard is `running` unless it has ended. Null: its operation has ended or is not there. */
  openShard(operationId: OperationId, shard: number): Promise<OpenedShard | null>;
  readControl(operationId: OperationId, shard: number): Promise<ShardControl>;
  /**
   * A place in the one queue of all shards of the run, by its rate.
   * @returns how long to wait for it, in milliseconds
   */
  reserveTurn(operationId: OperationId, fileCount: number): Promise<number>;
  /** Compare-and-set: what remains of it was left by others. @returns false when `chunk` is not the next one */
  endShard(operationId: OperationId, shard: number, chunk: number): Promise<boolean>;

  /** With the operation's state. @returns false when the operation does not permit it (any more) */
  setPaused(operationId: OperationId, isPaused: boolean): Promise<boolean>;
  /** @returns false when the operation has ended */
  changePace(operationId: OperationId, pace: MigrationPace): Promise<boolean>;
  /** Null: there is no such run. */
  readReport(operationId: OperationId): Promise<MigrationReport | null>;
}

import type { AccountId, ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { Operation } from '#domain/operations.ts';

/** What a mapping does where the custom attribute is there already. */
export type MappingPolicy = 'refuse' | 'keep' | 'replace';

/** Which files a migration goes over; every part that is null leaves the selection as wide as it is. */
export interface MigrationSelection {
  readonly elementId: ElementId | null;
  /** Both ends belong to the range. */
  readonly createdFrom: Instant | null;
  readonly createdTo: Instant | null;
  /** At most `limits.migrationFileIds`. */
  readonly fileIds: readonly FileId[] | null;
}

export interface MigrationPace {
  /** Shards that work at once. */
  readonly concurrency: number;
  /** Of the whole run; null: as fast as it goes. */
  readonly filesPerSecond: number | null;
}

export interface MigrationRequest extends MigrationPace {
  readonly sourceVersion: string;
  readonly targetVersion: string;
  readonly selection: MigrationSelection;
  /** Key of `metadata` → key of `custom_attributes`. */
  readonly mapping: Readonly<Record<string, string>>;
  readonly mappingPolicy: MappingPolicy;
  /** `name@version` that `custom_attributes` must fit after the migration. */
  readonly template: string | null;
  /** Files of one activity. */
  readonly batchSize: number;
  /** Everything is done but writing. */
  readonly dryRun: boolean;
}

interface NewRun {
  /** A new one; it is also the run's id. */
  readonly operationId: OperationId;
  readonly startedBy: AccountId;
}

/**
 * Bulk migrations of attributes. A run, the retry of a run's dead letters and the revert of a run
 * are operations of their own, of kind `migrateAttributes`. All methods throw
 * `WORKFLOWS_UNAVAILABLE` when nothing was done and nothing will be.
 */
export interface MigrationLifecycle {
  /**
   * @throws SELECTION_EMPTY; OPERATION_IN_PROGRESS (with the running operation) when another run
   *   works on one of the same elements
   */
  startMigration(run: NewRun & { readonly request: MigrationRequest }): Promise<void>;
  /** Only what is in the dead letters of a finished run. @throws SELECTION_EMPTY, OPERATION_NOT_FOUND, OPERATION_STATE_FORBIDS, OPERATION_IN_PROGRESS */
  startRetry(run: NewRun & { readonly ofRun: OperationId }): Promise<void>;
  /** Puts back the original sidecars of a finished run, byte for byte. @throws as `startRetry` */
  startRevert(run: NewRun & { readonly ofRun: OperationId }): Promise<void>;
  /** Between two chunks. @throws OPERATION_STATE_FORBIDS when it has ended meanwhile */
  pauseOperation(operation: Operation): Promise<void>;
  resumeOperation(operation: Operation): Promise<void>;
  /** Of a run that has not ended. @throws OPERATION_STATE_FORBIDS */
  changePace(operation: Operation, pace: MigrationPace): Promise<void>;
}

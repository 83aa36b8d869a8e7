import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type {
  MigrationRun,
  MigrationShard,
  ShardStanding,
  ShardTallies,
} from '#domain/migrations/migration-run.ts';
import type { MigrationFile } from '#domain/ports/migration-files.ts';
import type { MigrationRequest } from '#domain/ports/migration-lifecycle.ts';

/** A file with what a run keeps of it. */
export interface KeptRow {
  readonly file_id: FileId;
  readonly storage_path: string;
  readonly storage_filename: string;
  readonly sidecar_digest: string;
  readonly is_held: boolean;
  readonly original: Uint8Array | null;
  readonly original_digest: string | null;
  readonly migrated_digest: string | null;
}

export function keptOfRow(row: KeptRow): MigrationFile {
  const { original, original_digest: originalDigest, migrated_digest: migratedDigest } = row;
  const isKept = original !== null && originalDigest !== null && migratedDigest !== null;
  return {
    fileId: row.file_id,
    storagePath: row.storage_path,
    storageFilename: row.storage_filename,
    sidecarDigest: row.sidecar_digest,
    isHeld: row.is_held,
    kept: isKept ? { original, originalDigest, migratedDigest } : null,
  };
}

export interface RunRow {
  readonly operation_id: OperationId;
  readonly root_run: OperationId;
  readonly of_run: OperationId | null;
  readonly action: MigrationRun['action'];
  readonly work: MigrationRun['work'];
  readonly source: MigrationRun['source'];
  readonly request: string;
  readonly concurrency: number;
  readonly files_per_second: number | null;
}

/** Of `migration_runs r`. */
export const runColumns = `r.operation_id, r.root_run, r.of_run, r.action, r.work, r.source,
  r.request, r.concurrency, r.files_per_second`;

export function runOfRow(row: RunRow): MigrationRun {
  const request = JSON.parse(row.request) as MigrationRequest;
  return {
    operationId: row.operation_id,
    rootRun: row.root_run,
    ofRun: row.of_run,
    action: row.action,
    work: row.work,
    source: row.source,
    request: {
      ...request,
      concurrency: row.concurrency,
      filesPerSecond: row.files_per_second,
    },
  };
}

export interface ShardRow {
  readonly shard: number;
  readonly element_id: ElementId;
  readonly from_id: FileId;
  readonly to_id: FileId;
  readonly planned: number;
  readonly state: ShardStanding['state'];
  readonly chunk: number;
  readonly position: FileId | null;
  readonly pass_count: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly tallies: string;
}

/** Of `migration_shards s`. */
export const shardColumns = `s.shard, s.element_id, s.from_id, s.to_id, s.planned, s.state, s.chunk,
  s.position, s.pass_count, s.done, s.failed, s.skipped, s.tallies`;

export function shardOfRow(row: ShardRow): MigrationShard & ShardStanding {
  return {
    shard: row.shard,
    elementId: row.element_id,
    fromId: row.from_id,
    toId: row.to_id,
    planned: row.planned,
    state: row.state,
    chunk: row.chunk,
    position: row.position,
    passCount: row.pass_count,
    done: row.done,
    failed: row.failed,
    skipped: row.skipped,
    tallies: JSON.parse(row.tallies) as ShardTallies,
  };
}

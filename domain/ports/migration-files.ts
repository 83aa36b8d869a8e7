import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type {
  MigrationRun,
  MigrationShard,
  ShardTallies,
} from '#domain/migrations/migration-run.ts';
import type { FileToRewrite, RewrittenSidecar } from '#domain/migrations/rewrite-sidecar.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';

/** Who works on which part of a run. */
export interface ShardWork {
  readonly run: MigrationRun;
  readonly shard: MigrationShard;
  /** The workflow of the shard: its claims bear this name. */
  readonly claimedBy: string;
}

export interface MigrationFile extends FileToRewrite {
  readonly fileId: FileId;
  /** True where another operation changes it now; never of what was claimed. */
  readonly isHeld: boolean;
}

/** Something of the shard that nobody could claim. */
export interface RemainingFile {
  readonly fileId: FileId;
  readonly path: string;
  /**
   * `waiting`: another operation holds it, or has just let it go. `frozen`: the element's mode
   * forbids it. `changed`, `deleted`: since it was migrated.
   */
  readonly reason: 'waiting' | 'frozen' | 'changed' | 'deleted';
}

export interface RewrittenFile {
  readonly fileId: FileId;
  readonly sidecar: RewrittenSidecar;
}

/** The bytes that stood on the element before. */
export interface OriginalSidecar {
  readonly fileId: FileId;
  readonly original: Uint8Array;
  readonly originalDigest: string;
  readonly migratedDigest: string;
}

export interface ChunkRecord {
  /** Which chunk of its shard it is. */
  readonly chunk: number;
  /** The shard's next position, and the files of this pass. */
  readonly position: FileId | null;
  readonly passCount: number;
  /** Their sidecars stand on the element, durably. */
  readonly rewritten: readonly RewrittenFile[];
  /** The claims that end with this, those of `rewritten` among them. */
  readonly claims: readonly FileId[];
  readonly failures: readonly OperationFailure[];
  /** More than was rewritten: a dry run rewrites nothing. */
  readonly doneCount: number;
  readonly tallies: ShardTallies;
}

export type ChunkRecording =
  | 'recorded'
  /** Some claims are gone: nothing was written. */
  | 'claims-lost'
  /** The chunk was recorded before, or the operation has ended: nothing was written. */
  | 'out-of-turn';

/** A file with the claim of a migration whose workflow is no more. */
export interface HeldFile extends MigrationFile {
  readonly work: MigrationRun['work'];
  readonly operationId: OperationId;
  readonly claimedBy: string;
}

export type HeldFilter =
  | { readonly kind: 'shard'; readonly operationId: OperationId; readonly claimedBy: string }
  | { readonly kind: 'file'; readonly fileId: FileId }
  /** Claims that are older and whose operation is not there or has ended. */
  | { readonly kind: 'orphans'; readonly idleMs: number };

/**
 * The files of bulk migrations in the catalogue. Every method is durable when it resolves, may be
 * run twice, and throws `CATALOGUE_UNAVAILABLE` when the database does not answer.
 */
export interface MigrationFiles {
  /**
   * The next files of the shard, in order of their ids, from `fromId` on. They are the shard's from
   * then on; what others hold, or are just about to take, is passed over, dead letters too. Files
   * that the shard holds already come again.
   */
  claimChunk(work: ShardWork, fromId: FileId, limit: number): Promise<readonly MigrationFile[]>;
  /** The same without claims, of a dry run: passes nothing over but dead letters. */
  peekChunk(work: ShardWork, fromId: FileId, limit: number): Promise<readonly MigrationFile[]>;
  /** What `claimChunk` left of the whole shard, dead letters apart. */
  findRemaining(work: ShardWork, limit: number): Promise<readonly RemainingFile[]>;
  /** Those of `fileIds` that the shard still holds, while its operation goes on. */
  findClaimed(work: ShardWork, fileIds: readonly FileId[]): Promise<ReadonlySet<FileId>>;
  /**
   * Keeps the bytes that are about to be replaced; what is kept already is never replaced.
   * @returns the files of which exactly this original is kept, and which the shard still holds
   *   while its operation goes on: only their sidecars may be written
   */
  keepOriginals(
    work: ShardWork,
    originals: readonly OriginalSidecar[],
  ): Promise<ReadonlySet<FileId>>;
  /**
   * Rows, claims, dead letters, one event, and how far the shard has come, in one transaction. What
   * is rewritten leaves the dead letters of the runs before. Originals of what was claimed and not
   * written are not kept.
   */
  recordChunk(work: ShardWork, record: ChunkRecord): Promise<ChunkRecording>;

  /** At most `limits.migrationChunkFiles`, of one operation, in order of the ids. */
  findHeld(elementId: ElementId, filter: HeldFilter): Promise<readonly HeldFile[]>;
  /** Ends their claims: those whose sidecars are written become rows that say so. */
  settleHeld(held: readonly HeldFile[], rewritten: readonly RewrittenFile[]): Promise<void>;
}

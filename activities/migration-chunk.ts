import { DomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import { addTallies, type ShardStanding } from '#domain/migrations/migration-run.ts';
import { idAfter } from '#domain/migrations/plan-shards.ts';
import type { MigrationCodec, MigrationRules } from '#domain/migrations/rewrite-sidecar.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { MigrationFiles, ShardWork } from '#domain/ports/migration-files.ts';
import type { ElementWriter } from '#domain/ports/object-store.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';
import type { FileOutcome } from '#domain/uploads.ts';
import { requireLock, type ElementPorts } from './element-steps.ts';
import { takeTurns } from './file-turns.ts';
import type { GroupTurns } from './group-turns.ts';
import {
  decideFiles,
  describeFailure,
  onlyOf,
  type Decisions,
  type FileRewrite,
} from './migration-decisions.ts';

export interface MigrationChunkPorts extends Omit<ElementPorts, 'turns'> {
  readonly fileTurns: GroupTurns<FileId>;
  readonly files: MigrationFiles;
  readonly codec: MigrationCodec;
  /** Bounded in time and never throws; absent where there is no cache. */
  readonly cache?: Pick<FileCache, 'invalidateFiles'>;
}

export interface Chunk {
  readonly work: ShardWork;
  readonly rules: MigrationRules;
  readonly standing: ShardStanding;
  /** Where the chunk begins. */
  readonly position: FileId;
  readonly limit: number;
  readonly signal: AbortSignal;
}

export type ChunkOutcome =
  | { readonly kind: 'recorded'; readonly standing: ShardStanding }
  /** There was nothing to take from the position on. */
  | { readonly kind: 'empty' }
  /** Somebody else has done this chunk, or the operation has ended. */
  | { readonly kind: 'out-of-turn' };

/**
 * The next files of a shard: claimed, read, decided in memory, their originals kept, written, and
 * recorded. Killed at any point and repeated, it does the same, and each file counts once.
 * @throws INSUFFICIENT_STORAGE when some could not be written: those are tried again
 */
export async function rewriteChunk(
  ports: MigrationChunkPorts,
  chunk: Chunk,
): Promise<ChunkOutcome> {
  const { work, position, limit, signal } = chunk;
  const claimed = await ports.files.claimChunk(work, position, limit);
  const last = claimed.at(-1);
  if (last === undefined) return { kind: 'empty' };
  const element = await ports.elements.openElement(ports.elementId);
  const decisions = await decideFiles({ ...ports, ...chunk, element }, claimed);
  const keys = decisions.rewrites.map(({ file }) => file.fileId);
  return takeTurns(ports.fileTurns, { keys, signal }, async () => {
    requireLock(ports);
    const kept = await keep(ports, work, decisions.rewrites);
    const rewrites = decisions.rewrites.filter(({ file }) => kept.has(file.fileId));
    requireLock(ports);
    const written = sortOut(work, rewrites, await write(element, rewrites));
    const outcome = await recordChunk(ports, chunk, {
      rewrites: written.rewrites,
      failures: [...decisions.failures, ...written.failures],
      claimed: claimed.map(({ fileId }) => fileId),
      position: written.shortage === null ? idAfter(last.fileId) : position,
    });
    if (written.shortage !== null) throw written.shortage;
    return outcome;
  });
}

/** Only what the shard holds now, and of which the original is kept, may be written. */
function keep(
  { files }: MigrationChunkPorts,
  work: ShardWork,
  rewrites: readonly FileRewrite[],
): Promise<ReadonlySet<FileId>> {
  if (work.run.work === 'revert') {
    const fileIds = rewrites.map(({ file }) => file.fileId);
    return files.findClaimed(work, fileIds);
  }
  return files.keepOriginals(
    work,
    rewrites.map(({ file, bytes, sidecar }) => ({
      fileId: file.fileId,
      // What an attempt before has written is not what stood there first.
      original: file.kept?.originalDigest === file.sidecarDigest ? file.kept.original : bytes,
      originalDigest: file.sidecarDigest,
      migratedDigest: sidecar.digest,
    })),
  );
}

function write(
  element: ElementWriter,
  rewrites: readonly FileRewrite[],
): Promise<readonly FileOutcome[]> {
  return element.writeSidecars(
    rewrites.map(({ file, sidecar }) => ({
      fileId: file.fileId,
      storagePath: file.storagePath,
      storageFilename: file.storageFilename,
      sidecar: sidecar.text,
      expectedDigest: file.sidecarDigest,
    })),
  );
}

interface Written extends Decisions {
  /** The element is full: what is in neither list waits for room. */
  readonly shortage: DomainError | null;
}

function sortOut(
  work: ShardWork,
  rewrites: readonly FileRewrite[],
  outcomes: readonly FileOutcome[],
): Written {
  const written: FileRewrite[] = [];
  const failures: OperationFailure[] = [];
  let shortage: DomainError | null = null;
  for (const [index, rewrite] of rewrites.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    if (outcome.ok) written.push(rewrite);
    else if (outcome.code === 'INSUFFICIENT_STORAGE') {
      shortage = new DomainError(outcome.code, outcome.detail);
    } else failures.push(describeFailure(work, rewrite.file, reasonOf(outcome)));
  }
  return { rewrites: written, failures, shortage };
}

function reasonOf({ code, detail }: Extract<FileOutcome, { readonly ok: false }>) {
  if (code !== 'SIDECAR_CORRUPT') return { code, message: detail };
  const message = 'The sidecar was changed from outside while it was rewritten.';
  return { code: 'SIDECAR_CHANGED', message } as const;
}

export interface ChunkResult extends Decisions {
  /** Files whose claims end with this. */
  readonly claimed: readonly FileId[];
  /** Where the shard goes on; null: this pass is over. */
  readonly position: FileId | null;
  /** Counts the files of the next pass from nothing. */
  readonly isNewPass?: boolean;
}

/** What others have taken from the shard meanwhile is left out, as often as it happens. */
export async function recordChunk(
  ports: MigrationChunkPorts,
  { work, standing }: Pick<Chunk, 'work' | 'standing'>,
  result: ChunkResult,
): Promise<ChunkOutcome> {
  let current = result;
  for (;;) {
    const { claimed, rewrites, failures } = current;
    const next = advance(standing, current);
    const isDry = work.run.request.dryRun;
    const recording = await ports.files.recordChunk(work, {
      ...next,
      chunk: standing.chunk,
      rewritten: isDry
        ? []
        : rewrites.map(({ file, sidecar }) => ({ fileId: file.fileId, sidecar })),
      claims: claimed,
      failures,
      doneCount: rewrites.length,
    });
    if (recording === 'out-of-turn') return { kind: 'out-of-turn' };
    if (recording === 'recorded') {
      const fileIds = rewrites.map(({ file }) => file.fileId);
      if (!isDry && fileIds.length > 0) await ports.cache?.invalidateFiles(fileIds);
      return { kind: 'recorded', standing: next };
    }
    const own = await ports.files.findClaimed(work, claimed);
    current = {
      ...current,
      ...onlyOf(current, own),
      claimed: claimed.filter((fileId) => own.has(fileId)),
    };
  }
}

function advance(standing: ShardStanding, result: ChunkResult): ShardStanding {
  const { rewrites, failures, position } = result;
  const passed = result.isNewPass === true ? 0 : standing.passCount;
  return {
    ...standing,
    state: 'running',
    chunk: standing.chunk + 1,
    position,
    passCount: passed + rewrites.length + failures.length,
    done: standing.done + rewrites.length,
    failed: standing.failed + failures.length,
    tallies: addTallies(standing.tallies, {
      dialects: rewrites.map(({ sidecar }) => sidecar.dialect),
      failures: failures.map(({ code }) => code),
    }),
  };
}

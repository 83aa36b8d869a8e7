import type { Stats } from 'node:fs';
import { lstat, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { ContentToCommit, ElementWriter } from '#domain/ports/object-store.ts';
import type { FileOutcome } from '#domain/uploads.ts';
import { syncDirectory } from './durable-directories.ts';
import { requireValidLocation, type ElementTree } from './element-tree.ts';
import {
  elementFault,
  failedOutcome,
  nullWhenAbsent,
  translateFilesystemError,
} from './filesystem-fault.ts';
import type { KeyedMutex } from './keyed-mutex.ts';
import { mapBounded } from './map-bounded.ts';
import type { MarkerGuard } from './marker-guard.ts';
import { stagedPath } from './staging-area.ts';

/** File operations of one group under way at once: as many threads as Node is given for them. */
export const parallelFiles = 16;

export interface WriterParts {
  readonly tree: ElementTree;
  readonly guard: MarkerGuard;
  /** Nobody looks at a file and then changes it while another does the same. */
  readonly mutex: KeyedMutex<FileId>;
}

interface Placement {
  readonly outcome: FileOutcome;
  /** Renamed by this very call: to be taken back when the rename does not become durable. */
  readonly moved: ContentToCommit | null;
}

interface Move {
  readonly from: string;
  readonly to: string;
}

/** Moves content between staging and the visible tree, both ways. */
export function createContentCommitter(
  parts: WriterParts,
): Pick<ElementWriter, 'commitContents' | 'returnContents'> {
  const { tree } = parts;

  return {
    async commitContents(items) {
      const prepare = once((path) => tree.prepareDirectory(path));
      const placements = await mapBounded(items, parallelFiles, (item) =>
        place(parts, item, prepare),
      );
      const directories = new Set<string>();
      for (const [index, { outcome }] of placements.entries()) {
        // Also of what an earlier run moved: it may have died before its fsync.
        const item = items[index];
        if (outcome.ok && item !== undefined) directories.add(item.storagePath);
      }
      try {
        await syncMoved(tree, directories);
      } catch (error) {
        // Another fsync would not make this one good: the next attempt is to rename anew.
        await mapBounded(placements, parallelFiles, ({ moved }) => takeBack(parts, moved));
        throw elementFault(error);
      }
      return placements.map(({ outcome }) => outcome);
    },

    async returnContents(items) {
      try {
        const touched = await mapBounded(items, parallelFiles, (item) => giveBack(parts, item));
        await syncMoved(tree, new Set(touched.filter((path) => path !== null)));
      } catch (error) {
        throw elementFault(error);
      }
    },
  };
}

async function syncMoved(tree: ElementTree, storagePaths: ReadonlySet<string>): Promise<void> {
  if (storagePaths.size === 0) return;
  // The new name first: a crash in between leaves two names for one content, never none.
  for (const storagePath of storagePaths) await syncDirectory(join(tree.root, storagePath));
  await tree.syncStaging();
}

type PrepareDirectory = (storagePath: string) => Promise<string>;

/** Asks once per group and path: a new directory costs a group few fsyncs, whatever its size. */
export function once<Result>(
  find: (storagePath: string) => Promise<Result>,
): (storagePath: string) => Promise<Result> {
  const asked = new Map<string, Promise<Result>>();
  return (storagePath) => {
    const known = asked.get(storagePath) ?? find(storagePath);
    asked.set(storagePath, known);
    return known;
  };
}

async function place(
  parts: WriterParts,
  item: ContentToCommit,
  prepare: PrepareDirectory,
): Promise<Placement> {
  try {
    requireValidLocation(item);
    return await parts.mutex.run(item.fileId, () => placeExclusively(parts, item, prepare));
  } catch (error) {
    await requireUncommitted(parts, item, error);
    return { outcome: failedOutcome(item.fileId, error), moved: null };
  }
}

/**
 * A step may run again after the file was committed: a fault that is met only then must not be
 * taken for the file's failure. Without its marker, too, it is the element that fails.
 * @throws ELEMENT_UNAVAILABLE unless it is certain that no sidecar stands there.
 */
async function requireUncommitted(
  parts: WriterParts,
  item: ContentToCommit,
  cause: unknown,
): Promise<void> {
  const { code } = translateFilesystemError(cause);
  if (code !== 'ELEMENT_UNAVAILABLE' && code !== 'INSUFFICIENT_STORAGE') return;
  const directory = await parts.tree.findDirectory(item.storagePath);
  const path = directory && join(directory, item.storageFilename + sidecarSuffix);
  const sidecar = path && (await nullWhenAbsent(lstat(path)));
  if (sidecar) throw elementFault(cause);
  await parts.guard.check();
}

async function placeExclusively(
  parts: WriterParts,
  item: ContentToCommit,
  prepare: PrepareDirectory,
): Promise<Placement> {
  const from = stagedPath(parts.tree, item.fileId);
  const source = await nullWhenAbsent(lstat(from));
  if (source !== null) requireWhole(source, item);
  // Where nothing is to be moved no directory is made.
  else if ((await parts.tree.findDirectory(item.storagePath)) === null) {
    throw await missing(parts.guard);
  }
  const to = join(await prepare(item.storagePath), item.storageFilename);
  const target = await nullWhenAbsent(lstat(to));
  const done: Placement = { outcome: { fileId: item.fileId, ok: true }, moved: null };

  if (target === null) {
    if (source === null) throw await missing(parts.guard);
    await renameOnce({ from, to }, item);
    return { ...done, moved: item };
  }
  if (source === null) {
    requireWhole(target, item);
    return done;
  }
  if (!isSameFile(source, target)) {
    throw new DomainError('CONTENT_CORRUPT', 'Other content stands in the place of this file.');
  }
  await nullWhenAbsent(unlink(from));
  return done;
}

/** Absence means something only while the marker is in place. */
async function missing(guard: MarkerGuard): Promise<DomainError> {
  await guard.check();
  return new DomainError('CONTENT_MISSING', 'The content is neither in staging nor in its place.');
}

function requireWhole(stats: Stats, item: ContentToCommit): void {
  if (!stats.isFile() || stats.size !== item.sizeBytes) {
    throw new DomainError('CONTENT_CORRUPT', 'The content does not have its recorded size.');
  }
}

function isSameFile(a: Stats, b: Stats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** A network file system may report a failure for a rename that has happened: looked at again. */
async function renameOnce(move: Move, item: ContentToCommit): Promise<void> {
  try {
    await rename(move.from, move.to);
  } catch (error) {
    const [source, target] = await Promise.all([
      nullWhenAbsent(lstat(move.from)),
      nullWhenAbsent(lstat(move.to)),
    ]);
    if (source !== null || target === null) throw error;
    requireWhole(target, item);
  }
}

async function takeBack(parts: WriterParts, item: ContentToCommit | null): Promise<void> {
  if (item === null) return;
  try {
    await giveBack(parts, item);
  } catch {
    // It stays in place without a sidecar, which the next attempt or the sweep deals with.
  }
}

/** @returns the directory to fsync, or null when there is none. */
async function giveBack(parts: WriterParts, item: ContentToCommit): Promise<string | null> {
  requireValidLocation(item);
  return parts.mutex.run(item.fileId, async () => {
    const directory = await parts.tree.findDirectory(item.storagePath);
    if (directory === null) return null;
    const target = join(directory, item.storageFilename);
    const source = stagedPath(parts.tree, item.fileId);
    const sidecar = await nullWhenAbsent(lstat(target + sidecarSuffix));
    const content = await nullWhenAbsent(lstat(target));
    const staged = await nullWhenAbsent(lstat(source));
    if (sidecar !== null) return null;
    if (content !== null && staged === null) await rename(target, source);
    else if (content !== null && staged !== null && isSameFile(content, staged)) {
      await unlink(target);
    }
    return item.storagePath;
  });
}

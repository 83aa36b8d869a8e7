import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareUtf8 } from '#domain/byte-order.ts';
import { limits } from '#domain/limits.ts';
import type { ElementEntry, ElementListing, ElementPosition } from '#domain/ports/object-store.ts';
import { isAbsent, nullWhenAbsent, translateFilesystemError } from './filesystem-fault.ts';
import { mapBounded } from './map-bounded.ts';
import type { MarkerGuard } from './marker-guard.ts';

/** Looked at together, ahead of whoever takes them. */
const lookAhead = 64;
const parallelLooks = 8;

/** Beside our own administration, what every ext4 file system has in its root. */
const leftOut: ReadonlySet<string> = new Set(['.artstore', 'lost+found']);

interface Walk {
  readonly root: string;
  readonly after: ElementPosition | null;
  readonly signal: AbortSignal;
  readonly namesHeld: number;
}

/**
 * @param root as `realpath` gives it.
 * @param namesHeld so many names of one directory are held at once; a larger one is read several times.
 */
export function createElementListing(
  root: string,
  guard: MarkerGuard,
  namesHeld: number = limits.directoryNamesHeld,
): Pick<ElementListing, 'walkEntries'> {
  return {
    async *walkEntries({ after, signal }) {
      await guard.requireForRead();
      try {
        yield* walkDirectory({ root, after, signal, namesHeld }, '', 0);
      } catch (error) {
        guard.doubt();
        throw signal.aborted ? error : translateFilesystemError(error);
      }
      // A file system that was unmounted meanwhile looks like an element with nothing more on it.
      await guard.check();
    },
  };
}

/** Its own entries first, then its directories: the byte order of (directory, name). */
async function* walkDirectory(
  walk: Walk,
  storagePath: string,
  depth: number,
): AsyncGenerator<ElementEntry> {
  const { after } = walk;
  const order = after === null ? 1 : compareUtf8(storagePath, after.storagePath);
  // Before the position: what it holds itself was given out, what lies below perhaps not.
  if (order >= 0) {
    const behind = order === 0 ? (after?.name ?? null) : null;
    const isOwn = (entry: Dirent): boolean => !isEntered(entry, depth);
    const own: NameQuery = { storagePath, isWanted: isOwn, ending: '', behind };
    for await (const names of readNames(walk, own)) {
      yield* lookAt(walk, storagePath, names);
    }
  }
  const isBelow = (entry: Dirent): boolean => isEntered(entry, depth);
  const below: NameQuery = { storagePath, isWanted: isBelow, ending: '/', behind: null };
  for await (const names of readNames(walk, below)) {
    for (const name of names) {
      const path = storagePath + name;
      if (isGivenOut(path, after)) continue;
      yield* walkDirectory(walk, path, depth + 1);
    }
  }
}

/** A directory that lies too deep is shown as the odd thing that it is. */
function isEntered(entry: Dirent, depth: number): boolean {
  return entry.isDirectory() && depth < limits.elementDepth;
}

/** True when everything below this directory lies before the position. */
function isGivenOut(path: string, after: ElementPosition | null): boolean {
  if (after === null || after.storagePath.startsWith(path)) return false;
  return compareUtf8(path, after.storagePath) < 0;
}

interface NameQuery {
  readonly storagePath: string;
  readonly isWanted: (entry: Dirent) => boolean;
  /** Put behind each name: a slash decides the order of directories among each other. */
  readonly ending: '' | '/';
  readonly behind: string | null;
}

/** Names in byte order, in portions that fit into memory. */
async function* readNames(walk: Walk, query: NameQuery): AsyncGenerator<readonly string[]> {
  const directory = join(walk.root, query.storagePath);
  let { behind } = query;
  for (;;) {
    walk.signal.throwIfAborted();
    const { names, isWhole } = await readSmallest(directory, { ...query, behind }, walk.namesHeld);
    if (names.length > 0) yield names;
    if (isWhole) return;
    behind = names.at(-1) ?? null;
  }
}

async function readSmallest(
  directory: string,
  { storagePath, isWanted, ending, behind }: NameQuery,
  count: number,
): Promise<{ readonly names: readonly string[]; readonly isWhole: boolean }> {
  const handle = await nullWhenAbsent(opendir(directory, { bufferSize: 1024 }));
  let names: string[] = [];
  let isWhole = true;
  // It went while we were on the way to it.
  if (handle === null) return { names, isWhole };
  const keepSmallest = (): void => {
    names.sort(compareUtf8);
    if (names.length <= count) return;
    names = names.slice(0, count);
    isWhole = false;
  };
  for await (const entry of handle) {
    if (storagePath === '' && leftOut.has(entry.name)) continue;
    if (!isWanted(entry)) continue;
    const name = entry.name + ending;
    if (behind !== null && compareUtf8(name, behind) <= 0) continue;
    names.push(name);
    if (names.length >= 2 * count) keepSmallest();
  }
  keepSmallest();
  return { names, isWhole };
}

async function* lookAt(
  walk: Walk,
  storagePath: string,
  names: readonly string[],
): AsyncGenerator<ElementEntry> {
  for (let start = 0; start < names.length; start += lookAhead) {
    walk.signal.throwIfAborted();
    const some = names.slice(start, start + lookAhead);
    const entries = await mapBounded(some, parallelLooks, (name) => look(walk, storagePath, name));
    for (const entry of entries) if (entry !== null) yield entry;
  }
}

/** @returns null when it went meanwhile. */
async function look(walk: Walk, storagePath: string, name: string): Promise<ElementEntry | null> {
  try {
    const found = await lstat(join(walk.root, storagePath, name));
    return {
      storagePath,
      name,
      isFile: found.isFile(),
      sizeBytes: found.size,
      modifiedAtMs: Math.floor(found.mtimeMs),
    };
  } catch (error) {
    if (!isAbsent(error)) throw error;
    // A name that is no UTF-8 stands here with signs of replacement, and cannot be found by them.
    const isUnnameable = name.includes('\uFFFD');
    return isUnnameable
      ? { storagePath, name, isFile: false, sizeBytes: 0, modifiedAtMs: 0 }
      : null;
  }
}

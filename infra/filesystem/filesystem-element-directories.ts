import type { Stats } from 'node:fs';
import { lstat, opendir, realpath, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { locationsOverlap } from '#domain/element-location.ts';
import { DomainError } from '#domain/errors.ts';
import type { DirectoryClaim, ElementDirectories } from '#domain/ports/element-directories.ts';
import {
  readElementMarker,
  registerElementDirectory,
  releaseElementDirectory,
  type ElementMarker,
} from './element-marker.ts';
import { errnoOf, nullWhenAbsent, translateFilesystemError } from './filesystem-fault.ts';

/** What does not make a directory one that holds files. */
const nobodysFiles: ReadonlySet<string> = new Set(['.artstore', 'lost+found']);

/** Faults of the place that was named, and not of the disk. */
const refusals: Readonly<Record<string, string>> = {
  EACCES: 'This process may not use the directory.',
  EPERM: 'This process may not use the directory.',
  EROFS: 'The file system is read-only; the marker of an element has to be written.',
  ENOENT: 'The directory is not there any more.',
  ENOTDIR: 'A part of the path is not a directory.',
  ELOOP: 'A link stands on the way to the directory.',
  ENAMETOOLONG: 'A name in the path is longer than the file system permits.',
};

export function createFilesystemElementDirectories(): ElementDirectories {
  return {
    async claimDirectory(claim) {
      const { path, elementId, createdAt } = claim;
      return await refusing(async () => {
        await requireOwnPlace(claim);
        await requireUsable(claim);
        await registerElementDirectory(path, elementId, createdAt);
        const { blocks, bsize } = await statfs(path);
        return { capacityBytes: blocks * bsize };
      });
    },
    releaseDirectory: (path, elementId) => releaseElementDirectory(path, elementId),
  };
}

async function requireOwnPlace({ path, others }: DirectoryClaim): Promise<void> {
  const found = await nullWhenAbsent(lstat(path));
  if (found === null) await requireParent(path);
  else await requireDirectory(path, found);
  for (const other of others) {
    if (locationsOverlap(path, other) || locationsOverlap(path, await realPathOf(other))) {
      throw refused('The directory lies in or around that of another storage element.');
    }
  }
  // Also one that nobody has registered, or not yet.
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    if ((await readMarker(parent)) !== null) {
      throw refused('The directory lies within that of another storage element.');
    }
    if (parent === '/') return;
  }
}

async function requireParent(path: string): Promise<void> {
  const parent = dirname(path);
  const found = await nullWhenAbsent(lstat(parent));
  if (found === null) throw refused('Neither the directory nor the one above it is there.');
  await requireDirectory(parent, found);
}

async function requireDirectory(path: string, found: Stats): Promise<void> {
  if (found.isSymbolicLink()) throw refused('A link cannot be a storage element.');
  if (!found.isDirectory()) throw refused('What stands there is not a directory.');
  if ((await realpath(path)) !== path) {
    throw refused('A link stands on the way to the directory; name the path that it leads to.');
  }
}

/** Of an element that cannot be reached its name has to do. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

async function requireUsable({ path, elementId, adopts }: DirectoryClaim): Promise<void> {
  const system = await nullWhenAbsent(lstat(join(path, '.artstore')));
  if (system !== null && !system.isDirectory()) {
    throw refused('What stands there as .artstore is not a directory.');
  }
  const marker = await readMarker(path);
  if (marker !== null && marker.elementId !== elementId) {
    throw refused(`The directory belongs to the storage element ${marker.elementId}.`);
  }
  if (marker === null && !adopts && (await holdsFiles(path))) {
    throw refused('The directory holds files; send "adopt": true to take them over.');
  }
}

async function readMarker(path: string): Promise<ElementMarker | null> {
  try {
    return await readElementMarker(path);
  } catch (error) {
    const cause = error instanceof DomainError ? error.cause : error;
    const errno = errnoOf(cause);
    const isOdd = errno === null || errno === 'ELOOP' || errno === 'EISDIR';
    throw isOdd ? refused('The marker of a storage element that stands there is damaged.') : cause;
  }
}

/** Looks at no more names than it needs. */
async function holdsFiles(path: string): Promise<boolean> {
  const directory = await nullWhenAbsent(opendir(path));
  if (directory === null) return false;
  for await (const { name } of directory) {
    if (!nobodysFiles.has(name)) return true;
  }
  return false;
}

async function refusing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const cause = error instanceof DomainError ? error.cause : error;
    const detail = refusals[errnoOf(cause) ?? ''];
    throw detail === undefined ? translateFilesystemError(error) : refused(detail, error);
  }
}

function refused(detail: string, cause?: unknown): DomainError {
  return new DomainError('ELEMENT_LOCATION_REFUSED', detail, { cause });
}

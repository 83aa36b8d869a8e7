import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DomainError } from '#domain/errors.ts';
import { isUsableLocation } from '#domain/naming/storage-location.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { makeDirectories, syncDirectory } from './durable-directories.ts';
import { stagingDirectory } from './element-marker.ts';
import { nullWhenAbsent, translateFilesystemError } from './filesystem-fault.ts';
import type { MarkerGuard } from './marker-guard.ts';
import { createSharedSync } from './shared-sync.ts';

/** Directories whose own names are known to be durable; forgotten all at once when there are more. */
const rememberedDirectories = 4096;

/** The directories of one element. */
export interface ElementTree {
  readonly root: string;
  readonly staging: string;
  /**
   * The directory of a location, or null when it is not there.
   * @throws ELEMENT_UNAVAILABLE when a link stands in the way: it could lead out of the element.
   */
  findDirectory(storagePath: string): Promise<string | null>;
  /** Makes it when it is not there. When it resolves, its name and those above it are durable. */
  prepareDirectory(storagePath: string): Promise<string>;
  /** fsync of the staging directory, shared by all who ask at the same time. */
  syncStaging(): Promise<void>;
}

/** @param root as `realpath` gives it. */
export function createElementTree(root: string, guard: MarkerGuard): ElementTree {
  const staging = stagingDirectory(root);
  const durable = new Set<string>();

  async function findDirectory(storagePath: string): Promise<string | null> {
    const path = directoryPath(root, storagePath);
    const found = await findUnlinked(path);
    if (found !== null) return found;
    // What is about to be made must not be made through a link either.
    for (const parent of parentsOf(path, root).reverse()) {
      if ((await findUnlinked(parent)) !== null) break;
    }
    return null;
  }

  async function prepareDirectory(storagePath: string): Promise<string> {
    const path = directoryPath(root, storagePath);
    const isThere = (await findDirectory(storagePath)) !== null;
    if (isThere && durable.has(path)) return path;
    try {
      // A file system that was unmounted leaves an empty directory: nothing is made in there.
      if (!isThere) await guard.check();
      // Those that stand may have been made by a run that died before its fsync.
      await makeDirectories(path, parentsOf(path, root));
      await findDirectory(storagePath);
    } catch (error) {
      throw translateFilesystemError(error);
    }
    if (durable.size >= rememberedDirectories) durable.clear();
    durable.add(path);
    return path;
  }

  return {
    root,
    staging,
    findDirectory,
    prepareDirectory,
    syncStaging: createSharedSync(() => syncDirectory(staging)),
  };
}

async function findUnlinked(path: string): Promise<string | null> {
  const found = await nullWhenAbsent(realpath(path));
  if (found === null || found === path) return found;
  throw new DomainError(
    'ELEMENT_UNAVAILABLE',
    'A link stands in the place of a directory of the storage element.',
  );
}

/** Outermost first, the root included, the directory itself not. */
function parentsOf(path: string, root: string): string[] {
  // The root is there already: nothing of it is ours to make.
  if (path === root) return [];
  const parents: string[] = [];
  for (let parent = dirname(path); parent !== root; parent = dirname(parent)) parents.push(parent);
  return [root, ...parents.reverse()];
}

function directoryPath(root: string, storagePath: string): string {
  return join(root, storagePath.slice(0, -1));
}

/**
 * Names come from our own rules, but rows can be edited by hand: a location never leads out of the
 * element, nor into `.artstore/`.
 * @throws DomainError `INTERNAL`
 */
export function requireValidLocation(location: StorageLocation): void {
  if (!isUsableLocation(location))
    throw new DomainError('INTERNAL', 'The recorded location of the file is not valid.');
}

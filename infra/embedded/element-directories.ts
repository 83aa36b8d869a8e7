import { statfsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDomainError } from '#domain/errors.ts';
import { isElementId, type ElementId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import type { NewStorageElement } from '#domain/storage-elements.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import {
  readElementMarker,
  registerElementDirectory,
  type ElementMarker,
} from '#infra/filesystem/element-marker.ts';

export interface ElementDirectoriesOptions {
  /** `<data dir>/elements` */
  readonly directory: string;
  readonly registry: StorageElementRegistry;
  readonly now: Instant;
  readonly log: (line: string) => void;
}

export interface PreparedElements {
  readonly elementIds: readonly ElementId[];
  /** Of these a new database does not know the files yet. */
  readonly toRebuild: readonly ElementId[];
}

const firstElements = ['edit-01', 'rw-01'];
/** The mode is not in the marker: of an element without a row its id tells it, or nothing does. */
const modeByPrefix: Readonly<Record<string, StorageMode>> = { edit: 'edit', rw: 'rw' };

/**
 * With a new database the directories under `elements` become its elements, the first two being
 * made when there are none. With elements in the database nothing is made: a directory that is
 * missing then is a fault to be seen, not a place to begin anew.
 */
export async function prepareElements(
  options: ElementDirectoriesOptions,
): Promise<PreparedElements> {
  const known = await options.registry.listElements();
  if (known.length > 0) {
    return { elementIds: known.map((it) => it.elementId), toRebuild: [] };
  }
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const names = new Set([...firstElements, ...(await readdir(options.directory))]);
  const elementIds: ElementId[] = [];
  const toRebuild: ElementId[] = [];
  for (const name of [...names].sort()) {
    const element = describeElement(name, options);
    if (element === null) continue;
    const { path } = element.location;
    const holdsFiles = await holdsAnything(path);
    if (!holdsFiles || (await findMarker(path))?.elementId === name) {
      await registerElementDirectory(path, element.elementId, options.now);
    } else {
      options.log(
        `elements/${name} holds files without a marker of its own: it is registered, and stays ` +
          'offline until its .artstore/element.json is put back',
      );
    }
    if (holdsFiles) toRebuild.push(element.elementId);
    await options.registry.registerElement(element);
    elementIds.push(element.elementId);
  }
  return { elementIds, toRebuild };
}

function describeElement(
  name: string,
  { directory, log }: ElementDirectoriesOptions,
): NewStorageElement | null {
  const mode = modeByPrefix[name.split('-')[0] ?? ''];
  if (!isElementId(name) || mode === undefined) {
    log(`elements/${name} is left alone: its name does not tell its mode (edit-… or rw-…)`);
    return null;
  }
  const { blocks, bsize } = statfsSync(directory);
  return {
    elementId: name,
    name,
    type: 'filesystem',
    mode,
    priority: 100,
    capacityBytes: blocks * bsize,
    location: { path: join(directory, name) },
    status: 'online',
  };
}

/** @returns null also for a marker that cannot be read: the API says so when it opens the element. */
export async function findMarker(path: string): Promise<ElementMarker | null> {
  try {
    return await readElementMarker(path);
  } catch (error) {
    if (isDomainError(error, 'ELEMENT_UNAVAILABLE')) return null;
    throw error;
  }
}

/** Anything but the element's own administration. */
async function holdsAnything(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).some((name) => name !== '.artstore');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

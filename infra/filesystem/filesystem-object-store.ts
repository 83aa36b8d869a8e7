import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { ObjectStore } from '#domain/ports/object-store.ts';
import { createContentCommitter } from './content-committer.ts';
import { openContentReader } from './content-reader.ts';
import { createElementListing } from './element-walk.ts';
import { createElementTree, requireValidLocation, type ElementTree } from './element-tree.ts';
import { createFileInspector } from './file-inspector.ts';
import { createFileRemover } from './file-remover.ts';
import { createKeyedMutex } from './keyed-mutex.ts';
import { createMarkerGuard, type MarkerGuard } from './marker-guard.ts';
import { createQuarantine } from './quarantine.ts';
import { translating } from './filesystem-fault.ts';
import { createSidecarWriter } from './sidecar-writer.ts';
import { createStagingArea } from './staging-area.ts';

const markerIntervalMs = 60_000;

export interface FilesystemElementOptions {
  readonly elementId: ElementId;
  /** Absolute directory that `registerElementDirectory` has prepared. */
  readonly root: string;
  /** How long a good marker is relied upon; a minute unless a test says otherwise. */
  readonly markerIntervalMs?: number;
}

/**
 * A storage element that is a directory. Holds nothing open between calls, so that the file
 * system below can be unmounted at any time.
 * @throws ELEMENT_UNAVAILABLE when the directory is not this element's.
 */
export async function openFilesystemObjectStore(
  options: FilesystemElementOptions,
): Promise<ObjectStore> {
  const root = await translating(realpath(options.root));
  const guard = createMarkerGuard({
    root,
    elementId: options.elementId,
    intervalMs: options.markerIntervalMs ?? markerIntervalMs,
  });
  await guard.check();
  const tree = createElementTree(root, guard);
  return guardStore(createStore(options.elementId, tree, guard), guard);
}

function createStore(elementId: ElementId, tree: ElementTree, guard: MarkerGuard): ObjectStore {
  const mutex = createKeyedMutex<FileId>();
  const writerToken = randomBytes(4).toString('hex');
  return {
    elementId,
    checkMarker: () => guard.check(),
    ...createStagingArea(tree),
    ...createContentCommitter({ tree, guard, mutex }),
    ...createSidecarWriter({ tree, guard, mutex, writerToken }),
    ...createFileRemover({ tree, guard, mutex }),
    ...createQuarantine({ tree, guard, mutex, writerToken }),
    // Guards itself: it lasts longer than a look at the marker holds.
    ...createElementListing(tree.root, guard),
    ...createFileInspector(tree, guard),

    async openContent(location, readOptions) {
      requireValidLocation(location);
      const directory = await tree.findDirectory(location.storagePath);
      const reader =
        directory === null
          ? null
          : await openContentReader(join(directory, location.storageFilename), readOptions);
      if (reader !== null) return reader;
      // Absence means something only while the marker is in place.
      await guard.check();
      throw new DomainError('CONTENT_MISSING', 'The content of this file is missing.');
    },
  };
}

/** Puts the check of the marker before every method, and a doubt behind every fault. */
function guardStore(store: ObjectStore, guard: MarkerGuard): ObjectStore {
  async function doubting<Result>(call: Promise<Result>): Promise<Result> {
    try {
      return await call;
    } catch (error) {
      if (isDomainError(error, 'ELEMENT_UNAVAILABLE')) guard.doubt();
      throw error;
    }
  }
  async function reading<Result>(method: () => Promise<Result>): Promise<Result> {
    await guard.requireForRead();
    return doubting(method());
  }
  async function writing<Result>(method: () => Promise<Result>): Promise<Result> {
    await guard.requireForWrite();
    return doubting(method());
  }

  return {
    elementId: store.elementId,
    checkMarker: () => store.checkMarker(),
    walkEntries: (options) => store.walkEntries(options),
    inspectFiles: (locations, options) => reading(() => store.inspectFiles(locations, options)),
    openContent: (location, options) => reading(() => store.openContent(location, options)),
    readSidecar: (location) => reading(() => store.readSidecar(location)),
    hasSidecar: (location, digest) => reading(() => store.hasSidecar(location, digest)),
    freeBytes: () => reading(() => store.freeBytes()),
    listStaged: (options) => reading(() => store.listStaged(options)),
    stageContent: (fileId, content, options) =>
      writing(() => store.stageContent(fileId, content, options)),
    openStaged: (fileId, options) => reading(() => store.openStaged(fileId, options)),
    discardStaged: (fileId) => writing(() => store.discardStaged(fileId)),
    commitContents: (items) => writing(() => store.commitContents(items)),
    returnContents: (items) => writing(() => store.returnContents(items)),
    writeSidecars: (items) => writing(() => store.writeSidecars(items)),
    moveSidecarAway: (item) => writing(() => store.moveSidecarAway(item)),
    isSidecarAway: (fileId) => reading(() => store.isSidecarAway(fileId)),
    removeContent: (item) => writing(() => store.removeContent(item)),
    listMovedSidecars: (limit) => reading(() => store.listMovedSidecars(limit)),
    discardMovedSidecar: (fileId) => writing(() => store.discardMovedSidecar(fileId)),
    quarantineContent: (item) => writing(() => store.quarantineContent(item)),
  };
}

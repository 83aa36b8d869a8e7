import { lstat, readdir, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFileId, type FileId } from '#domain/ids.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { ElementWriter, StagingArea } from '#domain/ports/object-store.ts';
import { openWholeReader } from './content-reader.ts';
import type { ElementTree } from './element-tree.ts';
import { elementFault, nullWhenAbsent, translating } from './filesystem-fault.ts';
import { writeStagedFile } from './staged-file-writer.ts';

const freeBytesKeptMs = 1000;
const uuidLength = 36;

/** Before the id, not after it: what belongs to an upload is swept by the beginning of its name. */
const movedPrefix = 'deleted.';

/** Content in staging stands under its file id, what belongs to it under `<file_id>.…`. */
export function stagedPath(tree: ElementTree, fileId: FileId): string {
  return join(tree.staging, fileId);
}

/** Where the sidecar of a file goes that is being deleted. */
export function movedSidecarPath(tree: ElementTree, fileId: FileId): string {
  return join(tree.staging, `${movedPrefix}${fileId}${sidecarSuffix}`);
}

/** @returns the file's id when the name is one that `movedSidecarPath` gives. */
export function fileIdOfMovedSidecar(name: string): FileId | null {
  if (!name.startsWith(movedPrefix) || !name.endsWith(sidecarSuffix)) return null;
  return parseFileId(name.slice(movedPrefix.length, -sidecarSuffix.length));
}

export function createStagingArea(
  tree: ElementTree,
): StagingArea & Pick<ElementWriter, 'listStaged'> {
  let free = { bytes: 0, untilMs: Number.NEGATIVE_INFINITY };

  return {
    async stageContent(fileId, content, options) {
      const path = stagedPath(tree, fileId);
      const staged = await writeStagedFile(path, content, options);
      try {
        await translating(tree.syncStaging());
        options.signal.throwIfAborted();
      } catch (error) {
        await unlink(path).catch(() => undefined);
        throw error;
      }
      return staged;
    },

    async openStaged(fileId, { signal }) {
      const reader = await openWholeReader(stagedPath(tree, fileId), signal);
      if (reader === null) throw elementFault(new Error('the staged content is not there'));
      return reader;
    },

    async discardStaged(fileId) {
      const names = await translating(readdir(tree.staging));
      for (const name of names) {
        if (name === fileId || name.startsWith(`${fileId}.`)) {
          await nullWhenAbsent(unlink(join(tree.staging, name)));
        }
      }
    },

    async freeBytes() {
      if (performance.now() < free.untilMs) return free.bytes;
      const { bavail, bsize } = await translating(statfs(tree.root));
      free = { bytes: bavail * bsize, untilMs: performance.now() + freeBytesKeptMs };
      return free.bytes;
    },

    async listStaged({ minAgeMs, limit }) {
      const found = new Set<FileId>();
      for (const name of await translating(readdir(tree.staging))) {
        if (found.size >= limit) break;
        const fileId = fileIdOf(name);
        if (fileId === null || found.has(fileId)) continue;
        const stats = await nullWhenAbsent(lstat(join(tree.staging, name)));
        if (stats !== null && Date.now() - stats.mtimeMs >= minAgeMs) found.add(fileId);
      }
      return [...found];
    },
  };
}

/** Null for what is not ours: it is reported elsewhere, never removed from here. */
function fileIdOf(name: string): FileId | null {
  const head = name.slice(0, uuidLength);
  const isOurs = name.length === uuidLength || name[uuidLength] === '.';
  const fileId = isOurs ? parseFileId(head) : null;
  return fileId === head ? fileId : null;
}

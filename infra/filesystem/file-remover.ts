import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import type { ElementWriter, SidecarToMove, StorageLocation } from '#domain/ports/object-store.ts';
import type { FileOutcome } from '#domain/uploads.ts';
import type { WriterParts } from './content-committer.ts';
import { syncDirectory } from './durable-directories.ts';
import { requireValidLocation } from './element-tree.ts';
import { elementFault, failedOutcome, nullWhenAbsent, translating } from './filesystem-fault.ts';
import { readWhole, sha256Hex, sidecarPath } from './sidecar-writer.ts';
import { fileIdOfMovedSidecar, movedSidecarPath } from './staging-area.ts';

type FileRemover = Pick<
  ElementWriter,
  | 'moveSidecarAway'
  | 'isSidecarAway'
  | 'removeContent'
  | 'listMovedSidecars'
  | 'discardMovedSidecar'
>;

/** Takes files out of the visible tree, the sidecar first. */
export function createFileRemover(parts: WriterParts): FileRemover {
  const { tree, guard, mutex } = parts;

  async function isSidecarAway(fileId: FileId): Promise<boolean> {
    const isAway = (await nullWhenAbsent(lstat(movedSidecarPath(tree, fileId)))) !== null;
    if (!isAway) await guard.check();
    return isAway;
  }

  return {
    async moveSidecarAway(item): Promise<FileOutcome> {
      try {
        requireValidLocation(item);
        await mutex.run(item.fileId, () => moveAway(parts, item));
        return { fileId: item.fileId, ok: true };
      } catch (error) {
        if (!isDomainError(error, 'SIDECAR_CORRUPT', 'CONTENT_MISSING', 'INTERNAL')) {
          throw elementFault(error);
        }
        return failedOutcome(item.fileId, error);
      }
    },

    isSidecarAway,

    async removeContent(item) {
      requireValidLocation(item);
      await mutex.run(item.fileId, async () => {
        const directory = await tree.findDirectory(item.storagePath);
        // Absence means something only while the marker is in place.
        if (directory === null) return guard.check();
        const sidecar = await nullWhenAbsent(lstat(sidecarPath(directory, item)));
        if (sidecar !== null) {
          throw new DomainError('SIDECAR_CORRUPT', 'A sidecar stands where it was taken away.');
        }
        const path = join(directory, item.storageFilename);
        const content = await nullWhenAbsent(lstat(path));
        if (content === null) await guard.check();
        else await nullWhenAbsent(unlink(path));
        // Also of what an earlier run removed: it may have died before its fsync.
        await translating(syncDirectory(directory));
      });
    },

    async listMovedSidecars(limit) {
      const names = await translating(readdir(tree.staging));
      return names
        .map(fileIdOfMovedSidecar)
        .filter((fileId) => fileId !== null)
        .slice(0, limit);
    },

    async discardMovedSidecar(fileId) {
      await mutex.run(fileId, () => nullWhenAbsent(unlink(movedSidecarPath(tree, fileId))));
    },
  };
}

async function moveAway(parts: WriterParts, item: SidecarToMove): Promise<void> {
  const { tree, guard } = parts;
  const away = movedSidecarPath(tree, item.fileId);
  const directory = await tree.findDirectory(item.storagePath);
  const place = sidecarPath(join(tree.root, item.storagePath), item);
  const current = directory === null ? null : await readWhole(place);
  if (current === null) {
    const moved = await nullWhenAbsent(lstat(away));
    if (moved === null) {
      // Absence means something only while the marker is in place.
      await guard.check();
      throw new DomainError('CONTENT_MISSING', 'The sidecar of this file is missing.');
    }
    return syncMoved(parts, item);
  }
  if (sha256Hex(current) !== item.expectedDigest) {
    throw new DomainError('SIDECAR_CORRUPT', 'The sidecar is not the one that was expected.');
  }
  await renameOnce(place, away);
  try {
    await syncMoved(parts, item);
  } catch (error) {
    // Another fsync would not make this one good: the next attempt is to rename anew.
    await rename(away, place).catch(() => undefined);
    throw error;
  }
}

/** A network file system may report a failure for a rename that has happened: looked at again. */
async function renameOnce(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const isThere = (await nullWhenAbsent(lstat(from))) !== null;
    if (isThere || (await nullWhenAbsent(lstat(to))) === null) throw error;
  }
}

async function syncMoved(
  { tree }: WriterParts,
  location: Pick<StorageLocation, 'storagePath'>,
): Promise<void> {
  // The new name first: a crash in between leaves two names for one sidecar, never none.
  await tree.syncStaging();
  await syncDirectory(join(tree.root, location.storagePath));
}

import type { Stats } from 'node:fs';
import { lstat, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, isDomainError } from '#domain/errors.ts';
import { parseFileId, type FileId } from '#domain/ids.ts';
import type { ContentToQuarantine, ElementWriter } from '#domain/ports/object-store.ts';
import type { WriterParts } from './content-committer.ts';
import { makeDirectories, syncDirectory } from './durable-directories.ts';
import { quarantineDirectory } from './element-marker.ts';
import { requireValidLocation } from './element-tree.ts';
import { elementFault, nullWhenAbsent, translateFilesystemError } from './filesystem-fault.ts';
import { sha256Hex, sidecarPath } from './sidecar-writer.ts';
import { writeSmallFile } from './staged-file-writer.ts';

interface QuarantineParts extends WriterParts {
  /** Distinguishes this writer's temporary files from those of one that was there before. */
  readonly writerToken: string;
}

interface QuarantinePlace {
  readonly directory: string;
  readonly content: string;
  readonly reason: string;
}

const idInName = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Sets content aside that nothing belongs to. Nothing is ever removed from here. */
export function createQuarantine(parts: QuarantineParts): Pick<ElementWriter, 'quarantineContent'> {
  return {
    async quarantineContent(item) {
      try {
        requireValidLocation(item);
        await alone(parts, item, () => setAside(parts, item));
        return { ok: true };
      } catch (error) {
        if (!isDomainError(error, 'FILE_CHANGED', 'CONTENT_MISSING', 'INTERNAL')) {
          throw elementFault(error);
        }
        const { code, message } = translateFilesystemError(error);
        return { ok: false, code, detail: message };
      }
    },
  };
}

/** Whoever writes a file here does so under its id, which its name carries. */
function alone(
  { mutex }: QuarantineParts,
  { storageFilename }: ContentToQuarantine,
  step: () => Promise<void>,
): Promise<void> {
  const ids = [...new Set(storageFilename.match(idInName))];
  const keys = ids.map(parseFileId).filter((id) => id !== null);
  return keys
    .sort()
    .reduceRight<() => Promise<void>>((inner, key: FileId) => () => mutex.run(key, inner), step)();
}

async function setAside(parts: QuarantineParts, item: ContentToQuarantine): Promise<void> {
  const { tree, guard } = parts;
  const place = placeOf(tree.root, item);
  const directory = await tree.findDirectory(item.storagePath);
  const path = join(tree.root, item.storagePath, item.storageFilename);
  const content = directory === null ? null : await nullWhenAbsent(lstat(path));
  const moved = await nullWhenAbsent(lstat(place.content));
  if (content === null || directory === null) {
    if (moved === null) {
      // Absence means something only while the marker is in place.
      await guard.check();
      throw new DomainError('CONTENT_MISSING', 'The content does not stand there any more.');
    }
    return syncMoved(place, directory);
  }
  await requireLone(directory, item, content);
  if (moved !== null) return removeSecondName(place, { directory, path, content, moved });

  // What tells of it comes first: content in quarantine never stands there unexplained.
  await makeDirectories(place.directory, [quarantineDirectory(tree.root)]);
  await writeReason(parts, item, content);
  await requireLone(directory, item, content);
  await rename(path, place.content);
  try {
    await syncMoved(place, directory);
  } catch (error) {
    // Another fsync would not make this one good: the next attempt is to rename anew.
    await rename(place.content, path).catch(() => undefined);
    throw error;
  }
}

/** The path tells them apart, whatever their names are; it stands in the reason. */
function placeOf(root: string, item: ContentToQuarantine): QuarantinePlace {
  const directory = join(quarantineDirectory(root), item.operationId);
  const key = sha256Hex(Buffer.from(item.storagePath + item.storageFilename)).slice(0, 32);
  const content = join(directory, key);
  return { directory, content, reason: `${content}.json` };
}

/** @throws DomainError `FILE_CHANGED` when it is not, or may not be, what was judged. */
async function requireLone(
  directory: string,
  item: ContentToQuarantine,
  content: Stats,
): Promise<void> {
  if (!content.isFile() || content.mtimeMs >= item.changedBeforeMs) {
    throw new DomainError('FILE_CHANGED', 'The content was changed since it was looked at.');
  }
  if ((await nullWhenAbsent(lstat(sidecarPath(directory, item)))) !== null) {
    throw new DomainError('FILE_CHANGED', 'A sidecar stands beside the content by now.');
  }
}

async function writeReason(
  { tree, writerToken }: QuarantineParts,
  item: ContentToQuarantine,
  content: Stats,
): Promise<void> {
  const { reason } = placeOf(tree.root, item);
  const temporary = `${reason}.${writerToken}.tmp`;
  const text = JSON.stringify({
    path: item.storagePath + item.storageFilename,
    code: item.code,
    operation_id: item.operationId,
    decided_at: item.decidedAt,
    size: content.size,
    modified_at: content.mtime.toISOString(),
  });
  try {
    await writeSmallFile(temporary, Buffer.from(`${text}\n`));
    await rename(temporary, reason);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

interface SecondName {
  readonly directory: string;
  readonly path: string;
  readonly content: Stats;
  readonly moved: Stats;
}

/** A power failure may bring the old name back; other content in its place is another matter. */
async function removeSecondName(
  place: QuarantinePlace,
  { directory, path, content, moved }: SecondName,
): Promise<void> {
  if (content.dev !== moved.dev || content.ino !== moved.ino) {
    throw new DomainError('FILE_CHANGED', 'Other content stands where it was taken away.');
  }
  await nullWhenAbsent(unlink(path));
  await syncMoved(place, directory);
}

async function syncMoved(place: QuarantinePlace, directory: string | null): Promise<void> {
  // The new name first: a crash in between leaves two names for one content, never none.
  await syncDirectory(place.directory);
  if (directory !== null) await syncDirectory(directory);
}

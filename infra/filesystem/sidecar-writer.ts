import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, isDomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type {
  ContentStore,
  ElementWriter,
  SidecarToWrite,
  StorageLocation,
} from '#domain/ports/object-store.ts';
import type { FileOutcome } from '#domain/uploads.ts';
import { once, parallelFiles, type WriterParts } from './content-committer.ts';
import { syncDirectory } from './durable-directories.ts';
import { requireValidLocation } from './element-tree.ts';
import {
  elementFault,
  errnoOf,
  failedOutcome,
  nullWhenAbsent,
  translateFilesystemError,
} from './filesystem-fault.ts';
import { mapBounded } from './map-bounded.ts';
import { writeSmallFile } from './staged-file-writer.ts';
import { stagedPath } from './staging-area.ts';

interface SidecarParts extends WriterParts {
  /** Distinguishes this writer's temporary files from those of one that was there before. */
  readonly writerToken: string;
}

type FindDirectory = (storagePath: string) => Promise<string | null>;

export function createSidecarWriter(
  parts: SidecarParts,
): Pick<ElementWriter, 'writeSidecars' | 'hasSidecar'> & Pick<ContentStore, 'readSidecar'> {
  const { tree, guard } = parts;

  async function readOrNull(location: StorageLocation): Promise<Buffer | null> {
    requireValidLocation(location);
    const directory = await tree.findDirectory(location.storagePath);
    const bytes = directory === null ? null : await readWhole(sidecarPath(directory, location));
    // Absence means something only while the marker is in place.
    if (bytes === null) await guard.check();
    return bytes;
  }

  return {
    async writeSidecars(items) {
      const find = once((path) => tree.findDirectory(path));
      try {
        const outcomes = await mapBounded(items, parallelFiles, (item) => write(parts, item, find));
        const directories = new Set<string>();
        for (const [index, outcome] of outcomes.entries()) {
          const item = items[index];
          if (outcome.ok && item !== undefined) directories.add(item.storagePath);
        }
        for (const storagePath of directories) await syncDirectory(join(tree.root, storagePath));
        return outcomes;
      } catch (error) {
        throw elementFault(error);
      }
    },

    async hasSidecar(location, digest) {
      const bytes = await readOrNull(location);
      return bytes !== null && sha256Hex(bytes) === digest;
    },

    async readSidecar(location) {
      const bytes = await readOrNull(location);
      if (bytes !== null) return bytes;
      throw new DomainError('CONTENT_MISSING', 'The sidecar of this file is missing.');
    },
  };
}

/** A failed outcome means that this sidecar does not stand there. What leaves it open throws. */
async function write(
  parts: SidecarParts,
  item: SidecarToWrite,
  find: FindDirectory,
): Promise<FileOutcome> {
  try {
    requireValidLocation(item);
  } catch (error) {
    return failedOutcome(item.fileId, error);
  }
  return parts.mutex.run(item.fileId, async () => {
    try {
      await writeExclusively(parts, item, find);
      return { fileId: item.fileId, ok: true };
    } catch (error) {
      await requireUnwritten(parts, item, error);
      return failedOutcome(item.fileId, error);
    }
  });
}

async function writeExclusively(
  parts: SidecarParts,
  item: SidecarToWrite,
  find: FindDirectory,
): Promise<void> {
  const directory = await find(item.storagePath);
  const target = await requireContent(directory, item);
  const bytes = Buffer.from(item.sidecar);
  const temporary = `${stagedPath(parts.tree, item.fileId)}.${parts.writerToken}${sidecarSuffix}`;
  try {
    await writeSmallFile(temporary, bytes);
    // An identical one is replaced too: it may stem from a run whose fsync failed, and a second
    // fsync of the same file would not bring back what the first one lost.
    const current = await readWhole(target);
    const currentDigest = current === null ? null : sha256Hex(current);
    if (currentDigest !== item.expectedDigest && currentDigest !== sha256Hex(bytes)) {
      throw new DomainError('SIDECAR_CORRUPT', 'The sidecar is not the one that was expected.');
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/**
 * The rename is the commit point, and a failure does not prove that it never was: an earlier run
 * may have got further, and a network file system may report an error for what has happened.
 * @throws ELEMENT_UNAVAILABLE unless it is certain that the sidecar does not stand there.
 */
async function requireUnwritten(
  parts: SidecarParts,
  item: SidecarToWrite,
  cause: unknown,
): Promise<void> {
  if (isDomainError(cause, 'SIDECAR_CORRUPT')) return;
  const directory = await parts.tree.findDirectory(item.storagePath);
  const found = directory === null ? null : await readWhole(sidecarPath(directory, item));
  if (found === null) await parts.guard.check();
  else if (found.equals(Buffer.from(item.sidecar))) throw elementFault(cause);
}

/**
 * Metadata without bytes must never be seen: a first sidecar needs its content beside it.
 * @returns where the sidecar goes.
 */
async function requireContent(directory: string | null, item: SidecarToWrite): Promise<string> {
  if (directory !== null) {
    if (item.expectedDigest !== null) return sidecarPath(directory, item);
    const content = await nullWhenAbsent(lstat(join(directory, item.storageFilename)));
    if (content?.isFile() === true) return sidecarPath(directory, item);
  }
  throw new DomainError('CONTENT_MISSING', 'The content of this sidecar is not in its place.');
}

export function sidecarPath(directory: string, location: StorageLocation): string {
  return join(directory, location.storageFilename + sidecarSuffix);
}

/** @returns null when there is none. @throws SIDECAR_CORRUPT when it is no sidecar by its size or kind. */
export async function readWhole(path: string): Promise<Buffer | null> {
  const handle = await nullWhenAbsent(openPlainFile(path));
  if (handle === null) return null;
  try {
    const entry = await handle.stat();
    if (!entry.isFile() || entry.size > limits.sidecarReadCapBytes) throw noSidecar();
    return await readBounded(handle, entry.size);
  } catch (error) {
    throw translateFilesystemError(error);
  } finally {
    await handle.close();
  }
}

/** One that stands for something else, or waits for a writer, is not followed and not waited for. */
async function openPlainFile(path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error);
    throw errno === 'ELOOP' || errno === 'ENXIO' ? noSidecar() : error;
  }
}

function noSidecar(): DomainError {
  return new DomainError('SIDECAR_CORRUPT', 'What stands in the place of the sidecar is not one.');
}

async function readBounded(handle: FileHandle, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

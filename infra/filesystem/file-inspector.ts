import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '#domain/limits.ts';
import type {
  ElementListing,
  InspectedContent,
  InspectedFile,
  InspectedSidecar,
  StorageLocation,
} from '#domain/ports/object-store.ts';
import { once, parallelFiles } from './content-committer.ts';
import { requireValidLocation, type ElementTree } from './element-tree.ts';
import { errnoOf, isAbsent, nullWhenAbsent, translateFilesystemError } from './filesystem-fault.ts';
import { mapBounded } from './map-bounded.ts';
import type { MarkerGuard } from './marker-guard.ts';
import { sidecarPath } from './sidecar-writer.ts';

const nothing: InspectedFile = { sidecar: { kind: 'absent' }, content: { kind: 'absent' } };

export function createFileInspector(
  tree: ElementTree,
  guard: MarkerGuard,
): Pick<ElementListing, 'inspectFiles'> {
  return {
    async inspectFiles(locations, { signal }) {
      for (const location of locations) requireValidLocation(location);
      const find = once((path) => tree.findDirectory(path));
      const files = await mapBounded(locations, parallelFiles, async (location) => {
        signal.throwIfAborted();
        const directory = await find(location.storagePath);
        return directory === null ? nothing : inspectFile(directory, location);
      });
      // Absence means something only while the marker is in place.
      if (files.some(isIncomplete)) await guard.check();
      return files;
    },
  };
}

async function inspectFile(directory: string, location: StorageLocation): Promise<InspectedFile> {
  const sidecar = await inspectSidecar(sidecarPath(directory, location));
  const content = await inspectContent(join(directory, location.storageFilename));
  return { sidecar, content };
}

async function inspectSidecar(path: string): Promise<InspectedSidecar> {
  try {
    // Without O_NONBLOCK a pipe in the place of a sidecar would hold a thread for ever.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    await using handle = await open(path, flags);
    const stats = await handle.stat();
    if (!stats.isFile()) return { kind: 'unusable' };
    const sizeBytes = stats.size;
    if (sizeBytes > limits.sidecarReadCapBytes) return { kind: 'too-large', sizeBytes };
    const buffer = Buffer.allocUnsafeSlow(sizeBytes);
    let length = 0;
    while (length < sizeBytes) {
      const { bytesRead } = await handle.read(buffer, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { kind: 'bytes', bytes: buffer.subarray(0, length) };
  } catch (error) {
    if (isAbsent(error)) return { kind: 'absent' };
    // A link, and a socket, which cannot be opened.
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENXIO') return { kind: 'unusable' };
    throw translateFilesystemError(error);
  }
}

async function inspectContent(path: string): Promise<InspectedContent> {
  const found = await nullWhenAbsent(lstat(path));
  if (found === null) return { kind: 'absent' };
  return found.isFile() ? { kind: 'file', sizeBytes: found.size } : { kind: 'unusable' };
}

function isIncomplete({ sidecar, content }: InspectedFile): boolean {
  return sidecar.kind === 'absent' || content.kind === 'absent';
}

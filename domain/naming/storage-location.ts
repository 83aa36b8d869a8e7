import { limits } from '#domain/limits.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { byteLength } from '#domain/text-length.ts';

/**
 * True for a location that lies within the element and outside `.artstore/`, whose sidecar's name
 * a file system can hold, and whose path an index of the catalogue can. An empty path is the
 * element's root.
 */
export function isUsableLocation({ storagePath, storageFilename }: StorageLocation): boolean {
  const names = [...storagePath.split('/').slice(0, -1), storageFilename];
  return (
    (storagePath === '' || storagePath.endsWith('/')) &&
    names.every(isPlainName) &&
    byteLength(storageFilename + sidecarSuffix) <= limits.fileSystemNameBytes &&
    byteLength(storagePath) <= limits.storagePathBytes
  );
}

function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    name !== '.artstore' &&
    !name.includes('/') &&
    !name.includes('\0')
  );
}

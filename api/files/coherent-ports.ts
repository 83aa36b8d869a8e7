import type { ApiPorts } from '#api/dependencies.ts';
import type { FileId } from '#domain/ids.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { FileCatalogue } from '#domain/ports/file-catalogue.ts';
import type { FileLifecycle } from '#domain/ports/file-lifecycle.ts';

/**
 * The same ports, which take a file out of the cache before anybody is told of its change. Done
 * whatever the outcome: an unknown one may have been a change.
 */
export function keepCacheCoherent(ports: ApiPorts): ApiPorts {
  const { cache } = ports;
  if (cache === null) return ports;
  return {
    ...ports,
    lifecycle: coherentLifecycle(ports.lifecycle, cache),
    catalogue: coherentCatalogue(ports.catalogue, cache),
  };
}

function coherentLifecycle(lifecycle: FileLifecycle, cache: FileCache): FileLifecycle {
  const after = createAfter(cache);
  return {
    storeFile: (upload) => lifecycle.storeFile(upload),
    awaitUpload: (fileId) => lifecycle.awaitUpload(fileId),
    updateAttributes: (change) => after([change.fileId], lifecycle.updateAttributes(change)),
    deleteFile: (deletion) => after([deletion.fileId], lifecycle.deleteFile(deletion)),
    deleteFiles: (deletion) => after(deletion.fileIds, lifecycle.deleteFiles(deletion)),
    // What a cancelled deletion gives back was not cached meanwhile: what is absent never is.
    cancelOperation: (operation) => lifecycle.cancelOperation(operation),
    isAvailable: () => lifecycle.isAvailable(),
  };
}

function coherentCatalogue(catalogue: FileCatalogue, cache: FileCache): FileCatalogue {
  const after = createAfter(cache);
  return {
    findFile: (fileId) => catalogue.findFile(fileId),
    findDeletedAt: (fileId) => catalogue.findDeletedAt(fileId),
    listFiles: (query) => catalogue.listFiles(query),
    changeState: (...change) => after([change[0]], catalogue.changeState(...change)),
  };
}

function createAfter(cache: FileCache) {
  return async function after<Result>(
    fileIds: readonly FileId[],
    change: Promise<Result>,
  ): Promise<Result> {
    try {
      return await change;
    } finally {
      await cache.invalidateFiles(fileIds);
    }
  };
}

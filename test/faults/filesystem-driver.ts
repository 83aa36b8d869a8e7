/**
 * The process that is traced, and killed. It does the steps of an upload when its parent says so,
 * after everything it needs has been loaded: the trace then holds the element's calls only.
 */
import type { FileId } from '#domain/ids.ts';
import type { ObjectStore } from '#domain/ports/object-store.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';
import type { DriverMessage, DriverOrder } from './filesystem-driver-process.ts';
import { setFilesAside } from './filesystem-quarantine-steps.ts';
import { removeFiles } from './filesystem-removal-steps.ts';
import { faultElementId, runSteps, stageBigFile, storeGroup } from './filesystem-steps.ts';

/** Resolves when the message is on its way: what happens next may be the end of this process. */
function tell(message: DriverMessage): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.send?.(message, (error: Error | null) => (error === null ? resolve() : reject(error)));
  return promise;
}

const stores = new Map<string, Promise<ObjectStore>>();

/** One store for all groups, as in a worker: what it knows of the directories is kept. */
async function runGroup(root: string, size: number): Promise<number> {
  const store = stores.get(root) ?? openFilesystemObjectStore({ elementId: faultElementId, root });
  stores.set(root, store);
  return storeGroup(await store, size);
}

async function obey(order: DriverOrder): Promise<void> {
  if (order.groupSize !== undefined) {
    await tell({ storedCount: await runGroup(order.root, order.groupSize) });
  } else if (order.bigSizeBytes !== undefined) {
    await tell({ bigFile: await stageBigFile(order.root, order.bigSizeBytes) });
  } else if (order.isRemoval === true) {
    await tell({ removal: await removeFiles(order.root) });
  } else if (order.isQuarantine === true) {
    await tell({ quarantine: await setFilesAside(order.root) });
  } else {
    const onStaged = (fileId: FileId): Promise<void> => tell({ staged: fileId });
    const staged = new Set(order.staged);
    await tell({ result: await runSteps(order.root, staged, onStaged) });
  }
}

process.on('message', (order: DriverOrder) => void obey(order));
process.on('disconnect', () => process.exit());
await tell({ ready: true });

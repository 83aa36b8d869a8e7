import type { FileId } from '#domain/ids.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { Upload } from '#domain/uploads.ts';
import { createRowWatcher } from './row-watcher.ts';

/** Waits for uploads by their rows. */
export interface UploadWatcher {
  /**
   * @returns the finished upload; null when it is not finished at `deadlineAt` (epoch
   *   milliseconds); `missing` when there is no such row any more.
   */
  waitForEnd(fileId: FileId, deadlineAt: number): Promise<Upload | 'missing' | null>;
}

export function createUploadWatcher(registry: Pick<UploadRegistry, 'findUploads'>): UploadWatcher {
  const watcher = createRowWatcher<FileId, Upload>({
    findRows: (fileIds) => registry.findUploads(fileIds),
    idOf: ({ fileId }) => fileId,
    isAwaited: ({ state }) => state !== 'stored' && state !== 'failed',
  });
  return { waitForEnd: (fileId, deadlineAt) => watcher.waitFor(fileId, deadlineAt) };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { Upload } from '#domain/uploads.ts';

/** Waits for uploads by their rows: one query for all that are waited for. */
export interface UploadWatcher {
  /**
   * @returns the finished upload; null when it is not finished at `deadlineAt` (epoch
   *   milliseconds); `missing` when there is no such row any more.
   */
  waitForEnd(fileId: FileId, deadlineAt: number): Promise<Upload | 'missing' | null>;
}

interface Waiter {
  readonly fileId: FileId;
  readonly deadlineAt: number;
  readonly answer: (upload: Upload | 'missing' | null) => void;
}

const firstPauseMs = 50;
const longestPauseMs = 500;

export function createUploadWatcher(registry: Pick<UploadRegistry, 'findUploads'>): UploadWatcher {
  let waiters: Waiter[] = [];
  let isWatching = false;

  async function watch(): Promise<void> {
    isWatching = true;
    let pauseMs = firstPauseMs;
    while (waiters.length > 0) {
      await look();
      if (waiters.length > 0) await sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
    }
    isWatching = false;
  }

  async function look(): Promise<void> {
    const asked = waiters;
    const fileIds = [...new Set(asked.map(({ fileId }) => fileId))];
    const found = await findAll(fileIds);
    const now = Date.now();
    const open = asked.filter((waiter) => {
      const upload = found?.get(waiter.fileId);
      if (found !== null && upload === undefined) waiter.answer('missing');
      else if (upload !== undefined && isFinished(upload)) waiter.answer(upload);
      else if (now >= waiter.deadlineAt) waiter.answer(null);
      else return true;
      return false;
    });
    // Those who came while the query ran are asked for the next time.
    waiters = [...open, ...waiters.slice(asked.length)];
  }

  /** @returns null while the catalogue does not answer: that says nothing about an upload. */
  async function findAll(fileIds: readonly FileId[]): Promise<Map<FileId, Upload> | null> {
    try {
      const found = new Map<FileId, Upload>();
      for (let start = 0; start < fileIds.length; start += limits.sweepBatch) {
        const some = fileIds.slice(start, start + limits.sweepBatch);
        for (const upload of await registry.findUploads(some)) found.set(upload.fileId, upload);
      }
      return found;
    } catch {
      return null;
    }
  }

  return {
    waitForEnd(fileId, deadlineAt) {
      const { promise, resolve } = Promise.withResolvers<Upload | 'missing' | null>();
      waiters = [...waiters, { fileId, deadlineAt, answer: resolve }];
      if (!isWatching) void watch();
      return promise;
    },
  };
}

function isFinished(upload: Upload): boolean {
  return upload.state === 'stored' || upload.state === 'failed';
}

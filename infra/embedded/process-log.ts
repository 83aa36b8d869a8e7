import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';

const rotateAboveBytes = 16 * 1024 * 1024;
const shownBytes = 2048;

/** Keeps one older log beside the current one; called while nobody writes to it. */
export function rotateLog(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > rotateAboveBytes) renameSync(path, `${path}.1`);
}

/** The last lines of a log, for a message about a process that did not come up. */
export function readLogEnd(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const buffer = Buffer.alloc(Math.min(size, shownBytes));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8').trimEnd();
    } finally {
      closeSync(file);
    }
  } catch {
    return '(there is none)';
  }
}

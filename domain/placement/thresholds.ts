import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

export type FillMark = 'warning' | 'critical' | 'full';

interface Threshold {
  readonly percent: number;
  readonly bytes: number;
}

const gigabyte = 1_000_000_000;

/** At or beyond its critical mark an element takes no single file above this. */
export const criticalFileSizeBytes = 100_000_000;

/** Free space to keep; `ro` and `ar` take no files and have no marks. */
const thresholds: Record<'rw' | 'edit', Record<FillMark, Threshold>> = {
  rw: {
    warning: { percent: 15, bytes: 150 * gigabyte },
    critical: { percent: 8, bytes: 80 * gigabyte },
    full: { percent: 2, bytes: 20 * gigabyte },
  },
  edit: {
    warning: { percent: 10, bytes: 100 * gigabyte },
    critical: { percent: 5, bytes: 50 * gigabyte },
    full: { percent: 1, bytes: 10 * gigabyte },
  },
};

/** The smaller of the percentage of the capacity and the fixed amount, in whole bytes. */
export function bytesToKeepFree(mode: StorageMode, mark: FillMark, capacityBytes: number): number {
  if (mode !== 'rw' && mode !== 'edit') return 0;
  const threshold = thresholds[mode][mark];
  return Math.min(Math.ceil((capacityBytes * threshold.percent) / 100), threshold.bytes);
}

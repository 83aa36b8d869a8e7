import type { ElementId, FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { MigrationShard } from './migration-run.ts';

export const firstFileId = '00000000-0000-0000-0000-000000000000' as FileId;
export const lastFileId = 'ffffffff-ffff-ffff-ffff-ffffffffffff' as FileId;

/** A stretch of ids of one element, up to and with `lastId`, and the files in it. */
export interface IdStretch {
  readonly lastId: FileId;
  readonly count: number;
}

/** Counts of an element by stretches of ids, in a bounded number of them. */
export interface IdHistogram {
  add(stretch: IdStretch): void;
  readonly stretches: readonly IdStretch[];
  readonly count: number;
}

/** When there are too many stretches, neighbours become one: memory is bounded. */
export function createIdHistogram(maxStretches: number = limits.migrationStretches): IdHistogram {
  let stretches: IdStretch[] = [];
  let count = 0;
  return {
    add(stretch) {
      count += stretch.count;
      stretches.push(stretch);
      if (stretches.length > maxStretches) stretches = joinPairs(stretches);
    },
    get stretches() {
      return stretches;
    },
    get count() {
      return count;
    },
  };
}

function joinPairs(stretches: readonly IdStretch[]): IdStretch[] {
  const joined: IdStretch[] = [];
  for (let index = 0; index < stretches.length; index += 2) {
    const [left, right] = stretches.slice(index, index + 2);
    if (left === undefined) break;
    joined.push(
      right === undefined ? left : { lastId: right.lastId, count: left.count + right.count },
    );
  }
  return joined;
}

/**
 * Cuts the ids of each element into shards of about the same number of files: `limits
 * .migrationShards` in all, fewer when a shard would be smaller than a batch, one for each element
 * that has files at least. The ranges of an element cover all ids: what comes meanwhile has a place.
 */
export function planShards(
  elements: readonly { readonly elementId: ElementId; readonly histogram: IdHistogram }[],
  batchSize: number,
): readonly MigrationShard[] {
  const total = elements.reduce((sum, { histogram }) => sum + histogram.count, 0);
  const size = Math.max(batchSize, Math.ceil(total / limits.migrationShards));
  const shards: MigrationShard[] = [];
  for (const { elementId, histogram } of elements) {
    if (histogram.count === 0) continue;
    for (const { count, ...range } of cut(histogram, size)) {
      shards.push({ shard: shards.length, elementId, ...range, planned: count });
    }
  }
  return shards;
}

interface Range {
  readonly fromId: FileId;
  readonly toId: FileId;
  readonly count: number;
}

function cut({ stretches, count }: IdHistogram, size: number): readonly Range[] {
  // As many as fit whole, so that the last one is not a crumb.
  const wanted = count / Math.max(1, Math.floor(count / size));
  const ranges: Range[] = [];
  let fromId: FileId | null = firstFileId;
  let gathered = 0;
  let before = 0;
  for (const stretch of stretches) {
    if (fromId === null) break;
    gathered += stretch.count;
    // Measured from the beginning: the errors of single cuts must not add up.
    if (before + gathered < wanted * (ranges.length + 1) || stretch === stretches.at(-1)) continue;
    ranges.push({ fromId, toId: stretch.lastId, count: gathered });
    before += gathered;
    gathered = 0;
    fromId = idAfter(stretch.lastId);
  }
  if (fromId !== null) ranges.push({ fromId, toId: lastFileId, count: gathered });
  return ranges;
}

/** @returns null after the last of all ids */
export function idAfter(fileId: FileId): FileId | null {
  if (fileId === lastFileId) return null;
  const digits = (BigInt(`0x${fileId.replaceAll('-', '')}`) + 1n).toString(16).padStart(32, '0');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as FileId;
}

import type { JsonObject } from '#domain/json.ts';
import type { Operation } from '#domain/operations.ts';
import type { ElementPosition } from '#domain/ports/object-store.ts';

/** The classes of the result. Each sidecar belongs to one of them; the last three come on top. */
const classes = [
  'added',
  'updated',
  'unchanged',
  'in_flight',
  'tombstoned',
  /** Sidecars that are not the file that their id names, or may not be: a tie. */
  'duplicates',
  'changed',
  'unreadable',
  /** No sidecars at all: links, and names that cannot be used. */
  'unusable',
  'suspect',
  'missing',
  'oversized',
] as const;
export type RebuildClass = (typeof classes)[number];

export type RebuildCounts = Readonly<Record<RebuildClass, number>>;

/** How far the rebuild of an element has come; all of it fits into the operation's row. */
export interface RebuildRun {
  /** Everything up to here is counted. Null: nothing yet. */
  readonly position: ElementPosition | null;
  readonly counts: RebuildCounts;
  readonly doneCount: number;
  readonly failedCount: number;
  readonly skippedCount: number;
  readonly dialects: Readonly<Record<string, number>>;
  readonly listingDigestBefore: string;
}

export function startRun(listingDigestBefore: string): RebuildRun {
  return {
    position: null,
    counts: Object.fromEntries(classes.map((name) => [name, 0])) as RebuildCounts,
    doneCount: 0,
    failedCount: 0,
    skippedCount: 0,
    dialects: {},
    listingDigestBefore,
  };
}

/** What a batch adds to a run. */
export interface RebuildTally {
  count(name: RebuildClass, number?: number): void;
  done(): void;
  failed(): void;
  skipped(): void;
  dialect(name: string): void;
  /** @returns the run with all of it, at this position; the run that was given is not changed. */
  addTo(run: RebuildRun, position: ElementPosition): RebuildRun;
}

export function createTally(): RebuildTally {
  const counts = new Map<RebuildClass, number>();
  const dialects = new Map<string, number>();
  let doneCount = 0;
  let failedCount = 0;
  let skippedCount = 0;
  return {
    count: (name, number = 1) => void counts.set(name, (counts.get(name) ?? 0) + number),
    done: () => void (doneCount += 1),
    failed: () => void (failedCount += 1),
    skipped: () => void (skippedCount += 1),
    dialect: (name) => void dialects.set(name, (dialects.get(name) ?? 0) + 1),
    addTo: (run, position) => ({
      ...run,
      position,
      counts: { ...run.counts, ...sums(run.counts, counts) },
      doneCount: run.doneCount + doneCount,
      failedCount: run.failedCount + failedCount,
      skippedCount: run.skippedCount + skippedCount,
      dialects: { ...run.dialects, ...sums(run.dialects, dialects) },
    }),
  };
}

function sums(
  before: Readonly<Record<string, number>>,
  added: ReadonlyMap<string, number>,
): Record<string, number> {
  return Object.fromEntries(
    [...added].map(([name, number]) => [name, (before[name] ?? 0) + number]),
  );
}

/** The total is what was seen so far: how much is still to come nobody knows. */
export function progressOfRun(run: RebuildRun): NonNullable<Operation['progress']> {
  const { doneCount: done, failedCount: failed, skippedCount: skipped } = run;
  return { done, failed, skipped, total: done + failed + skipped };
}

/** @param listingDigest of the element's rows at the end; null until then */
export function resultOfRun(run: RebuildRun, listingDigest: string | null): JsonObject {
  return {
    ...run.counts,
    dialects: run.dialects,
    listing_digest_before: run.listingDigestBefore,
    ...(listingDigest === null ? {} : { listing_digest: listingDigest }),
  };
}

import { compareUtf8 } from '#domain/byte-order.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { ElementRow } from '#domain/ports/element-rows.ts';
import type { ElementEntry, ElementPosition, StorageLocation } from '#domain/ports/object-store.ts';

/** What a walk and the rows tell of one location. */
export interface SeenLocation extends StorageLocation {
  /** When the content was last changed; null: none was seen. */
  readonly contentModifiedAtMs: number | null;
  /** Of the sidecar, as the walk saw it; 0: none was seen. */
  readonly sidecarSizeBytes: number;
  /** Something stands here whose name is no UTF-8: it cannot be looked at again. */
  readonly isUnnameable: boolean;
  readonly row: ElementRow | null;
}

/** Where a merge stands. Everything up to and with `at` was taken from both sides. */
export interface MergePosition {
  readonly at: ElementPosition;
  /** Locations whose sidecar may still come. */
  readonly pending: readonly SeenLocation[];
}

export interface MergedBatch {
  readonly locations: readonly SeenLocation[];
  /** Null: both sides are at their end. */
  readonly position: MergePosition | null;
}

export interface MergeOptions {
  readonly position: MergePosition | null;
  readonly batchFiles: number;
  /** Of sidecars, which whoever takes the batch holds at once. */
  readonly batchBytes: number;
}

/**
 * Goes over an element and its rows at once, both in the order of their locations, and brings
 * together what belongs to one. Between a content and its sidecar others may stand (`a`, `a-b`,
 * `a.attr.json`), but only such whose names begin with its own: so what waits for its sidecar are
 * beginnings of one name, never more than a name has bytes, and position and memory are bounded.
 */
export async function* mergeLocations(
  entries: AsyncIterable<ElementEntry>,
  rows: AsyncIterable<ElementRow>,
  { position, batchFiles, batchBytes }: MergeOptions,
): AsyncGenerator<MergedBatch> {
  const pending = createPending(position?.pending ?? []);
  await using entrySide = openSide(entries);
  await using rowSide = openSide(rows);
  let locations: SeenLocation[] = [];
  let bytes = 0;
  for (;;) {
    const [entry, row] = [await entrySide.peek(), await rowSide.peek()];
    const at = firstOf(entry && positionOfEntry(entry), row && positionOfRow(row));
    if (at === null) break;
    const passed = pending.passTo(at);
    if (row !== null && comparePositions(positionOfRow(row), at) === 0) {
      pending.addRow(row);
      rowSide.take();
    }
    if (entry !== null && comparePositions(positionOfEntry(entry), at) === 0) {
      passed.push(...pending.addEntry(entry));
      entrySide.take();
    }
    for (const location of passed) {
      locations.push(location);
      bytes += location.sidecarSizeBytes;
    }
    if (locations.length < batchFiles && bytes < batchBytes) continue;
    yield { locations, position: { at, pending: pending.list() } };
    locations = [];
    bytes = 0;
  }
  yield { locations: [...locations, ...pending.list()], position: null };
}

function createPending(carried: readonly SeenLocation[]) {
  let waiting: SeenLocation[] = [...carried];

  /** The location of this name, taken out of those that wait. */
  function takeOut(location: StorageLocation): SeenLocation {
    const found = waiting.find((other) => isSameLocation(other, location));
    if (found === undefined) return { ...nothingSeen, ...location };
    waiting = waiting.filter((other) => other !== found);
    return found;
  }

  return {
    list: () => waiting,

    /** @returns those whose sidecar would have come before this position. */
    passTo(at: ElementPosition): SeenLocation[] {
      const passed: SeenLocation[] = [];
      waiting = waiting.filter((location) => {
        const isPassed = comparePositions(positionOfSidecar(location), at) < 0;
        if (isPassed) passed.push(location);
        return !isPassed;
      });
      return passed;
    },

    addRow(row: ElementRow): void {
      const { storagePath, storageFilename } = row;
      waiting.push({ ...takeOut({ storagePath, storageFilename }), row });
    },

    /** @returns the location that is complete with this entry */
    addEntry(entry: ElementEntry): readonly SeenLocation[] {
      const { storagePath, name, isFile, sizeBytes, modifiedAtMs } = entry;
      const isUnnameable = !isFile && name.includes('\uFFFD');
      if (name.endsWith(sidecarSuffix)) {
        const storageFilename = name.slice(0, -sidecarSuffix.length);
        const seen = takeOut({ storagePath, storageFilename });
        return [
          {
            ...seen,
            sidecarSizeBytes: isFile ? sizeBytes : 0,
            isUnnameable: seen.isUnnameable || isUnnameable,
          },
        ];
      }
      const seen = takeOut({ storagePath, storageFilename: name });
      waiting.push({ ...seen, contentModifiedAtMs: modifiedAtMs, isUnnameable });
      return [];
    },
  };
}

const nothingSeen = {
  contentModifiedAtMs: null,
  sidecarSizeBytes: 0,
  isUnnameable: false,
  row: null,
} as const;

interface Side<Item> extends AsyncDisposable {
  /** Null at the end. */
  peek(): Promise<Item | null>;
  take(): void;
}

function openSide<Item>(items: AsyncIterable<Item>): Side<Item> {
  const iterator = items[Symbol.asyncIterator]();
  let head: Item | null = null;
  let hasEnded = false;
  return {
    async peek() {
      if (head !== null || hasEnded) return head;
      const next = await iterator.next();
      if (next.done === true) hasEnded = true;
      else head = next.value;
      return head;
    },
    take() {
      head = null;
    },
    async [Symbol.asyncDispose]() {
      await iterator.return?.();
    },
  };
}

function firstOf(
  left: ElementPosition | null,
  right: ElementPosition | null,
): ElementPosition | null {
  if (left === null || right === null) return left ?? right;
  return comparePositions(left, right) <= 0 ? left : right;
}

function positionOfEntry({ storagePath, name }: ElementEntry): ElementPosition {
  return { storagePath, name };
}

function positionOfRow({ storagePath, storageFilename }: StorageLocation): ElementPosition {
  return { storagePath, name: storageFilename };
}

function positionOfSidecar({ storagePath, storageFilename }: StorageLocation): ElementPosition {
  return { storagePath, name: storageFilename + sidecarSuffix };
}

function comparePositions(left: ElementPosition, right: ElementPosition): number {
  const order = compareUtf8(left.storagePath, right.storagePath);
  return order === 0 ? compareUtf8(left.name, right.name) : order;
}

function isSameLocation(left: StorageLocation, right: StorageLocation): boolean {
  return left.storagePath === right.storagePath && left.storageFilename === right.storageFilename;
}

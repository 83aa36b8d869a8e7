import test from 'ava';
import fc from 'fast-check';
import { compareUtf8 } from '#domain/byte-order.ts';
import type { FileId } from '#domain/ids.ts';
import { sidecarSuffix } from '#domain/naming/storage-name.ts';
import type { ElementRow } from '#domain/ports/element-rows.ts';
import type { ElementEntry } from '#domain/ports/object-store.ts';
import {
  mergeLocations,
  type MergedBatch,
  type MergePosition,
  type SeenLocation,
} from '#domain/reconcile/merge-locations.ts';

type Place = readonly [storagePath: string, name: string];

function entryOf([storagePath, name]: Place): ElementEntry {
  return { storagePath, name, isFile: true, sizeBytes: name.length, modifiedAtMs: 7 };
}

function rowOf([storagePath, storageFilename]: Place): ElementRow {
  return {
    storagePath,
    storageFilename,
    fileId: `row of ${storagePath}${storageFilename}` as FileId,
    sizeBytes: 0,
    sidecarDigest: '',
    state: 'stored',
    isHeld: false,
    version: '1',
  };
}

const inOrder = ([a, b]: Place, [c, d]: Place): number => compareUtf8(a, c) || compareUtf8(b, d);

/** Behind a position, as the ports give them. */
async function* behind<Item>(
  items: readonly (readonly [Place, Item])[],
  position: MergePosition | null,
): AsyncGenerator<Item> {
  for (const [place, item] of items) {
    const { at } = position ?? { at: null };
    if (at === null || inOrder(place, [at.storagePath, at.name]) > 0) yield item;
  }
}

/** Each batch by a merge of its own, as if every one were the last of its process. */
async function mergeInPieces(
  entryPlaces: readonly Place[],
  rowPlaces: readonly Place[],
  batchFiles: number,
): Promise<readonly SeenLocation[]> {
  const entries = entryPlaces.toSorted(inOrder).map((place) => [place, entryOf(place)] as const);
  const rows = rowPlaces.toSorted(inOrder).map((place) => [place, rowOf(place)] as const);
  const seen: SeenLocation[] = [];
  let position: MergePosition | null = null;
  do {
    // What is carried crosses a history as JSON.
    const carried = JSON.parse(JSON.stringify(position)) as MergePosition | null;
    const options = { position: carried, batchFiles, batchBytes: 1_000 };
    const merging: AsyncGenerator<MergedBatch> = mergeLocations(
      behind(entries, carried),
      behind(rows, carried),
      options,
    );
    const first = await merging.next();
    await merging.return(undefined);
    if (first.done === true) throw new Error('a merge has at least one batch');
    seen.push(...first.value.locations);
    position = first.value.position;
  } while (position !== null);
  return seen;
}

/** What stands where, found without any order. */
function groupPlainly(entries: readonly Place[], rows: readonly Place[]): string[] {
  const parts = new Map<string, Set<string>>();
  const add = (path: string, part: string): void => {
    parts.set(path, (parts.get(path) ?? new Set()).add(part));
  };
  for (const [path, name] of entries) {
    const isSidecar = name.endsWith(sidecarSuffix);
    if (isSidecar) add(path + name.slice(0, -sidecarSuffix.length), 'sidecar');
    else add(path + name, 'content');
  }
  for (const [path, name] of rows) add(path + name, 'row');
  return [...parts].map(([path, found]) => `${path}: ${[...found].sort().join()}`).sort();
}

function describe(location: SeenLocation): string {
  const found = [
    location.contentModifiedAtMs === null ? [] : ['content'],
    location.sidecarSizeBytes === 0 ? [] : ['sidecar'],
    location.row === null ? [] : ['row'],
  ].flat();
  return `${location.storagePath}${location.storageFilename}: ${found.sort().join()}`;
}

// Few letters, so that names are beginnings of each other; those around the dot, and beyond U+FFFF.
const name = fc.string({
  unit: fc.constantFrom('a', '-', '.', '😀', '\uFFFD'),
  minLength: 1,
  maxLength: 3,
});
const path = fc.constantFrom('', 'a/', 'a/b/', 'a-/', 'a./');
const place = fc.tuple(path, name);
const unique = (places: readonly Place[]): Place[] => [
  ...new Map(places.map((item) => [item.join('\n'), item])).values(),
];

test('every location comes once, with all that belongs to it, however it is cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(place, fc.constantFrom('content', 'sidecar', 'row', 'pair', 'all'))),
      fc.integer({ min: 1, max: 4 }),
      async (things, batchFiles) => {
        const has = (kinds: readonly string[]): Place[] =>
          things.filter(([, kind]) => kinds.includes(kind)).map(([at]) => at);
        const sidecars = has(['sidecar', 'pair', 'all']).map(([storagePath, name]): Place => [
          storagePath,
          name + sidecarSuffix,
        ]);
        const entries = unique([...has(['content', 'pair', 'all']), ...sidecars]);
        const rows = unique(has(['row', 'all']));
        const seen = await mergeInPieces(entries, rows, batchFiles);
        t.deepEqual(seen.map(describe).sort(), groupPlainly(entries, rows));
      },
    ),
    { numRuns: 300 },
  );
});

test('what waits for its sidecar is carried, and is never more than beginnings of one name', async (t) => {
  const names = Array.from(
    { length: 1_000 },
    (_, number) => `a-${String(number).padStart(4, '0')}`,
  );
  const entries: Place[] = ['a', ...names, `a${sidecarSuffix}`].map((name): Place => ['x/', name]);
  let mostPending = 0;
  const merging = mergeLocations(
    behind(
      entries.map((at) => [at, entryOf(at)] as const),
      null,
    ),
    behind([], null),
    { position: null, batchFiles: 10, batchBytes: 1_000 },
  );
  const found: SeenLocation[] = [];
  for await (const batch of merging) {
    mostPending = Math.max(mostPending, batch.position?.pending.length ?? 0);
    found.push(...batch.locations);
  }
  t.is(mostPending, 2);
  t.is(found.length, 1_001);
  t.like(
    found.find(({ storageFilename }) => storageFilename === 'a'),
    {
      contentModifiedAtMs: 7,
      sidecarSizeBytes: 11,
    },
  );
});

test('sidecars that would not fit into memory together come apart', async (t) => {
  const names = ['a', 'b', 'c'].map((name): Place => ['', name + sidecarSuffix]);
  const entries = names.map((at) => [at, { ...entryOf(at), sizeBytes: 600 }] as const);
  const sizes: number[] = [];
  const options = { position: null, batchFiles: 100, batchBytes: 1_000 };
  for await (const batch of mergeLocations(behind(entries, null), behind([], null), options)) {
    sizes.push(batch.locations.length);
  }
  t.deepEqual(sizes, [2, 1]);
});

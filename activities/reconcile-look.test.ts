import test from 'ava';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { ElementRow, LocationRecord } from '#domain/ports/element-rows.ts';
import type { InspectedFile } from '#domain/ports/object-store.ts';
import type { SeenLocation } from '#domain/reconcile/merge-locations.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { lookClosely, lookTwice, type Looking } from './reconcile-look.ts';

const elementId = 'edit-01' as ElementId;
const location = { storagePath: '2025/11/08/10/', storageFilename: 'a.pdf' };
const row: ElementRow = {
  ...location,
  fileId: '0f1e2d3c-4b5a-4968-8776-655443322110' as FileId,
  sizeBytes: 10,
  sidecarDigest: 'digest',
  state: 'stored',
  isHeld: false,
  version: '7',
};
const seen: SeenLocation = {
  ...location,
  contentModifiedAtMs: 0,
  sidecarSizeBytes: 0,
  isUnnameable: false,
  row: null,
};
const withoutSidecar: InspectedFile = {
  sidecar: { kind: 'absent' },
  content: { kind: 'file', sizeBytes: 10 },
};
const nothing: InspectedFile = { sidecar: { kind: 'absent' }, content: { kind: 'absent' } };

/** What the catalogue and the element answer, one after the other; the last answer stays. */
interface World {
  readonly records: readonly LocationRecord[];
  readonly files: readonly InspectedFile[];
}

function inTurn<Answer>(answers: readonly Answer[]): () => Promise<readonly Answer[]> {
  let call = 0;
  return () => {
    const answer = answers[Math.min(call, answers.length - 1)]!;
    call += 1;
    return Promise.resolve([answer]);
  };
}

function lookingAt({ records, files }: World): Looking {
  return {
    elementId,
    element: { inspectFiles: inTurn(files) },
    mode: 'edit',
    rows: { findRecords: inTurn(records) },
    rebuild: { findStandings: () => Promise.resolve([]) },
    codec: openAttributesCodec(),
    orphanedBeforeMs: 1_000,
    signal: new AbortController().signal,
  };
}

const record = (change: Partial<ElementRow> | null, isInFlight = false): LocationRecord => ({
  row: change === null ? null : { ...row, ...change },
  isInFlight,
});

async function verdictOf(...records: readonly LocationRecord[]): Promise<string> {
  const looking = lookingAt({ records, files: [withoutSidecar] });
  const [looked] = await lookClosely(looking, [seen]);
  return looked!.verdict.kind;
}

test('what is wrong while nothing moves is wrong', async (t) => {
  t.is(await verdictOf(record({})), 'wrong');
  t.is(await verdictOf(record(null)), 'wrong');
});

const movements: readonly (readonly [
  title: string,
  before: LocationRecord,
  after: LocationRecord,
])[] = [
  ['held all the time', record({ isHeld: true }), record({ isHeld: true })],
  ['claimed while we looked', record({}), record({ isHeld: true })],
  ['released while we looked', record({ isHeld: true }), record({ version: '8' })],
  ['claimed and released while we looked', record({}), record({ version: '8' })],
  ['deleted while we looked', record({}), record(null)],
  ['recorded while we looked', record(null), record({})],
  ['on its way all the time', record(null, true), record(null, true)],
  ['on its way since we looked', record(null), record(null, true)],
  ['given up while we looked', record(null, true), record(null)],
  ['another file since', record({}), record({ fileId: 'another' as FileId })],
];

for (const [title, before, after] of movements) {
  test(`what moves is busy: ${title}`, async (t) => {
    t.is(await verdictOf(before, after), 'busy');
  });
}

test('a finding is what is found twice, with a pause in between', async (t) => {
  const rowless = record(null);
  const play = async (...files: readonly InspectedFile[]): Promise<string> => {
    let pauses = 0;
    const pause = (): Promise<void> => {
      pauses += 1;
      return Promise.resolve();
    };
    const [verdict] = await lookTwice(lookingAt({ records: [rowless], files }), [seen], pause);
    return `${verdict!.kind} after ${pauses}`;
  };
  t.is(await play(withoutSidecar), 'wrong after 1');
  t.is(await play(withoutSidecar, nothing), 'sound after 1');
  t.is(await play(nothing), 'sound after 0');
  // Something else the second time: somebody is at it.
  const linked: InspectedFile = { sidecar: { kind: 'unusable' }, content: { kind: 'absent' } };
  t.is(await play(withoutSidecar, linked), 'busy after 1');
});

test('nothing to look at is asked of nobody', async (t) => {
  const refuse = (): Promise<never> => Promise.reject(new Error('nobody was to be asked'));
  const looking: Looking = {
    ...lookingAt({ records: [], files: [] }),
    element: { inspectFiles: refuse },
    rows: { findRecords: refuse },
  };
  t.deepEqual(await lookTwice(looking, [], refuse), []);
});

import test from 'ava';
import fc from 'fast-check';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { ElementRow } from '#domain/ports/element-rows.ts';
import type { InspectedContent } from '#domain/ports/object-store.ts';
import type { FoundFile, Standing } from '#domain/rebuild/choose-file.ts';
import type { Finding, JudgedSidecar } from '#domain/rebuild/judge-sidecar.ts';
import {
  judgeLocation,
  takeFirstLook,
  type LocationFacts,
  type SidecarFacts,
  type Verdict,
} from '#domain/reconcile/judge-location.ts';

const graceEndsMs = 1_000;
const fileId = '0f1e2d3c-4b5a-4968-8776-655443322110' as FileId;
const otherId = '1f1e2d3c-4b5a-4968-8776-655443322110' as FileId;
const location = { storagePath: '2025/11/08/10/', storageFilename: 'a.pdf' };
const elementId = 'edit-01' as ElementId;
const unknown: Standing = { row: null, hold: null };

const row: ElementRow = {
  ...location,
  fileId,
  sizeBytes: 10,
  sidecarDigest: 'digest',
  state: 'stored',
  isHeld: false,
  version: '7',
};
const content: InspectedContent = { kind: 'file', sizeBytes: 10 };
const found: FoundFile = {
  ...location,
  fileId,
  elementId,
  revision: 1,
  finalizedAt: null,
  sidecarDigest: 'digest',
};
const finding = (code: Finding['code']): Finding => ({ code, detail: '' });

function readable(
  file: Partial<FoundFile> = {},
  judged: JudgedSidecar = { state: 'stored', findings: [] },
): SidecarFacts {
  return { kind: 'readable', file: { ...found, ...file, judged } };
}

const damaged: SidecarFacts = { kind: 'damaged', ...finding('ATTRIBUTES_MALFORMED') };
const absent = { kind: 'absent' } as const;

interface Case extends Partial<Omit<LocationFacts, 'seen'>> {
  readonly row?: ElementRow | null;
  readonly modifiedAtMs?: number | null;
  readonly isUnnameable?: boolean;
  readonly place?: Partial<typeof location>;
}

function judge(given: Case): Verdict {
  const { row: given_row = row, modifiedAtMs = 0, isUnnameable = false, place, ...facts } = given;
  return judgeLocation({
    seen: {
      ...location,
      ...place,
      contentModifiedAtMs: modifiedAtMs,
      sidecarSizeBytes: 100,
      isUnnameable,
      row: given_row,
    },
    mode: 'edit',
    sidecar: readable(),
    content,
    standing: unknown,
    orphanedBeforeMs: graceEndsMs,
    ...facts,
  });
}

function summarize(verdict: Verdict): string {
  if (verdict.kind !== 'wrong') return verdict.kind;
  return verdict.findings.map(({ code, place }) => `${code} ${place}`).join(', ');
}

const suspect: JudgedSidecar = { state: 'suspect', findings: [finding('INTEGRITY_MISMATCH')] };
const resized: JudgedSidecar = { state: 'suspect', findings: [finding('SIZE_MISMATCH')] };
const contentGone: JudgedSidecar = { state: 'missing', findings: [finding('CONTENT_MISSING')] };
const oversized: JudgedSidecar = { state: 'stored', findings: [finding('ATTRIBUTES_TOO_LARGE')] };
const elsewhere = { ...found, storagePath: 'kept/' };

const cases: readonly (readonly [title: string, given: Case, expected: string])[] = [
  ['all there', {}, 'sound'],
  ['a sidecar that is only large', { sidecar: readable({}, oversized) }, 'sound'],
  ['no sidecar', { sidecar: absent }, 'SIDECAR_MISSING sidecar'],
  ['only a row', { sidecar: absent, content: absent }, 'SIDECAR_MISSING sidecar'],
  ['a damaged sidecar', { sidecar: damaged }, 'ATTRIBUTES_MALFORMED sidecar'],
  [
    'a damaged sidecar without its content',
    { sidecar: damaged, content: absent },
    'ATTRIBUTES_MALFORMED sidecar, CONTENT_MISSING content',
  ],
  ['no content', { sidecar: readable({}, contentGone) }, 'CONTENT_MISSING content'],
  ['another size', { sidecar: readable({}, resized) }, 'SIZE_MISMATCH content'],
  ['another sidecar', { sidecar: readable({ sidecarDigest: 'x' }) }, 'SIDECAR_CHANGED sidecar'],
  [
    'another sidecar, edited by hand',
    { sidecar: readable({ sidecarDigest: 'x' }, suspect) },
    'SIDECAR_CHANGED sidecar',
  ],
  [
    'another sidecar and another size',
    { sidecar: readable({ sidecarDigest: 'x' }, resized) },
    'SIDECAR_CHANGED sidecar, SIZE_MISMATCH content',
  ],
  [
    'a digest that it does not have',
    { sidecar: readable({}, suspect) },
    'INTEGRITY_MISMATCH sidecar',
  ],
  ['no row', { row: null }, 'ROW_MISSING sidecar'],
  [
    'no row and no content',
    { row: null, sidecar: readable({}, contentGone) },
    'ROW_MISSING sidecar, CONTENT_MISSING content',
  ],
  ['no row and a damaged sidecar', { row: null, sidecar: damaged }, 'ATTRIBUTES_MALFORMED sidecar'],
  [
    'a row in another place',
    { row: null, standing: { row: elsewhere, hold: null } },
    'DUPLICATE_FILE_ID sidecar',
  ],
  [
    'a row in another place that is older',
    { row: null, sidecar: readable({ revision: 2 }), standing: { row: elsewhere, hold: null } },
    'DUPLICATE_FILE_ID sidecar',
  ],
  [
    'the record of a deletion',
    { row: null, standing: { row: null, hold: 'tombstone' } },
    'FILE_DELETED sidecar',
  ],
  [
    'a deletion under way in another place',
    { row: null, standing: { row: elsewhere, hold: 'tombstone' } },
    'busy',
  ],
  ['an upload under way', { row: null, standing: { row: null, hold: 'upload' } }, 'busy'],
  ['its row came meanwhile', { row: null, standing: { row: found, hold: null } }, 'busy'],
  ['content alone', { row: null, sidecar: absent }, 'CONTENT_ORPHANED content'],
  [
    'content alone in its last moment of grace',
    { row: null, sidecar: absent, modifiedAtMs: 1_000 },
    'young',
  ],
  [
    'content alone, just past it',
    { row: null, sidecar: absent, modifiedAtMs: 999 },
    'CONTENT_ORPHANED content',
  ],
  [
    'content alone that came while we looked',
    { row: null, sidecar: absent, modifiedAtMs: null },
    'young',
  ],
  ['nothing any more', { row: null, sidecar: absent, content: absent }, 'sound'],
  [
    'no file',
    { row: null, sidecar: absent, content: { kind: 'unusable' } },
    'LOCATION_UNUSABLE content',
  ],
  ['a name that is none', { isUnnameable: true }, 'LOCATION_UNUSABLE content'],
  [
    'a name without room for its sidecar',
    { place: { storageFilename: 'x'.repeat(250) } },
    'LOCATION_UNUSABLE content',
  ],
];

for (const [title, given, expected] of cases) {
  test(`judged: ${title}`, (t) => {
    t.is(summarize(judge(given)), expected);
  });
}

test('on cold media absent content is as it should be, and a damaged sidecar is not', (t) => {
  t.is(summarize(judge({ mode: 'ar', content: absent })), 'sound');
  const verdict = judge({ mode: 'ar', content: absent, sidecar: damaged });
  t.is(summarize(verdict), 'ATTRIBUTES_MALFORMED sidecar');
});

test('a finding names the file of the row, or else of the sidecar', (t) => {
  const byRow = judge({ sidecar: readable({ sidecarDigest: 'x', fileId: otherId }) });
  t.like(byRow, { kind: 'wrong', fileId });
  t.like(judge({ row: null, sidecar: readable({ fileId: otherId }) }), { fileId: otherId });
  t.like(judge({ row: null, sidecar: damaged }), { fileId: null });
});

test('whatever a held row stands beside, nothing is wrong', (t) => {
  for (const [title, given] of cases) {
    if (given.row === null || given.isUnnameable === true || given.place !== undefined) continue;
    const verdict = judge({ ...given, row: { ...row, isHeld: true } });
    t.true(verdict.kind === 'busy' || verdict.kind === 'sound', title);
  }
});

const contents: readonly InspectedContent[] = [
  content,
  { kind: 'file', sizeBytes: 9 },
  absent,
  { kind: 'unusable' },
];

test('what the first look takes for sound or young, the close one does too', (t) => {
  const arbitrary = fc.record({
    row: fc.constantFrom(null, row, { ...row, state: 'suspect' as const }),
    sidecar: fc.constantFrom<SidecarFacts>(
      absent,
      damaged,
      readable(),
      readable({ sidecarDigest: 'x' }),
    ),
    content: fc.constantFrom(...contents),
    mode: fc.constantFrom('edit' as const, 'ar' as const),
    modifiedAtMs: fc.constantFrom(null, 0, 999, 1_000, 2_000),
  });
  const seenLooks = new Set<string>();
  fc.assert(
    fc.property(arbitrary, ({ row, sidecar, content, mode, modifiedAtMs }) => {
      const size = content.kind === 'file' ? content.sizeBytes : null;
      const judged =
        size === 10 || (content.kind === 'absent' && mode === 'ar')
          ? { state: 'stored' as const, findings: [] }
          : size === null
            ? contentGone
            : resized;
      const facts = sidecar.kind === 'readable' ? readable(sidecar.file, judged) : sidecar;
      const close = judge({ row, sidecar: facts, content, mode, modifiedAtMs });
      const look = takeFirstLook({
        seen: {
          ...location,
          contentModifiedAtMs: modifiedAtMs,
          sidecarSizeBytes: 1,
          isUnnameable: false,
          row,
        },
        mode,
        sidecarDigest: sidecar.kind === 'readable' ? sidecar.file.sidecarDigest : null,
        isSidecarAbsent: sidecar.kind === 'absent',
        content,
        orphanedBeforeMs: graceEndsMs,
      });
      seenLooks.add(look);
      if (look !== 'doubtful') t.is(close.kind, look);
    }),
    { numRuns: 500 },
  );
  t.deepEqual([...seenLooks].sort(), ['doubtful', 'sound', 'young']);
});

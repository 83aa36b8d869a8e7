import test from 'ava';
import * as fc from 'fast-check';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import { chooseFile, compareRanks, type FoundFile } from '#domain/rebuild/choose-file.ts';

const found: FoundFile = {
  fileId: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' as FileId,
  elementId: 'edit-01' as ElementId,
  storagePath: '2025/11/08/10/',
  storageFilename: 'report.pdf',
  revision: 3,
  finalizedAt: null,
  sidecarDigest: 'd3',
};
const elsewhere: FoundFile = { ...found, elementId: 'rw-01' as ElementId };
const early = '2026-01-01T00:00:00+00:00' as Instant;
const late = '2026-01-01T00:00:00.000000001+00:00' as Instant;

test('what nobody knows is added', (t) => {
  t.is(chooseFile(found, { row: null, hold: null }), 'add');
});

test('never where a tombstone stands, whatever else is there', (t) => {
  t.is(chooseFile(found, { row: null, hold: 'tombstone' }), 'tombstoned');
  t.is(chooseFile(found, { row: found, hold: 'tombstone' }), 'tombstoned');
  t.is(chooseFile(found, { row: { ...found, revision: 1 }, hold: 'tombstone' }), 'tombstoned');
});

test('an upload in flight is left to its workflow', (t) => {
  t.is(chooseFile(found, { row: null, hold: 'upload' }), 'in-flight');
});

test('the same digest in the same place is unchanged, claimed or not', (t) => {
  t.is(chooseFile(found, { row: found, hold: null }), 'unchanged');
  t.is(chooseFile(found, { row: found, hold: 'claim' }), 'unchanged');
});

test('a row of lower revision is replaced unless it is claimed', (t) => {
  const row = { ...found, revision: 2, sidecarDigest: 'd2' };
  t.is(chooseFile(found, { row, hold: null }), 'replace');
  t.is(chooseFile(found, { row, hold: 'claim' }), 'in-flight');
});

test('a row of the same or a higher revision with another digest stays', (t) => {
  for (const revision of [3, 4]) {
    const row = { ...found, revision, sidecarDigest: 'other' };
    t.is(chooseFile(found, { row, hold: null }), 'changed');
  }
});

test('of two places the higher revision is the file, then the later finalized_at', (t) => {
  const cases = [
    [{ revision: 2 }, 'take-over'],
    [{ revision: 4 }, 'duplicate'],
    [{}, 'tie'],
    [{ finalizedAt: early }, 'duplicate'],
    [{ revision: 2, finalizedAt: early }, 'take-over'],
  ] as const;
  for (const [change, decision] of cases) {
    t.is(chooseFile(found, { row: { ...elsewhere, ...change }, hold: null }), decision);
  }
  const finalised = { ...found, finalizedAt: late };
  const row = { ...elsewhere, finalizedAt: early };
  t.is(chooseFile(finalised, { row, hold: null }), 'take-over');
  t.is(chooseFile(row, { row: finalised, hold: null }), 'duplicate');
});

test('another place in the same directory, or another directory, is another place', (t) => {
  for (const change of [{ storagePath: '' }, { storageFilename: 'copy.pdf' }]) {
    t.is(chooseFile(found, { row: { ...found, ...change }, hold: null }), 'tie');
  }
});

test('a claimed row in another place is left to its workflow', (t) => {
  const row = { ...elsewhere, revision: 1 };
  t.is(chooseFile(found, { row, hold: 'claim' }), 'in-flight');
});

const anyRank = fc.record({
  revision: fc.integer({ min: 1, max: 3 }),
  finalizedAt: fc.constantFrom(null, early, late),
});

test('property: ranks are a total order, so that the file does not depend on who is met first', (t) => {
  fc.assert(
    fc.property(anyRank, anyRank, anyRank, (a, b, c) => {
      t.is(Math.sign(compareRanks(a, b)), -Math.sign(compareRanks(b, a)) + 0);
      if (compareRanks(a, b) >= 0 && compareRanks(b, c) >= 0) t.true(compareRanks(a, c) >= 0);
    }),
  );
});

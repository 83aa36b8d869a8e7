import test from 'ava';
import * as fc from 'fast-check';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { FoundFile, Standing } from '#domain/rebuild/choose-file.ts';
import { planBatch } from '#domain/rebuild/plan-batch.ts';

const edit = 'edit-01' as ElementId;
const rw = 'rw-01' as ElementId;

function file(id: string, revision: number, place: Partial<FoundFile> = {}): FoundFile {
  return {
    fileId: id as FileId,
    elementId: edit,
    storagePath: '2025/11/08/10/',
    storageFilename: `${id}-${revision}.pdf`,
    revision,
    finalizedAt: null,
    sidecarDigest: `${id}-${revision}`,
    ...place,
  };
}

function standing(row: FoundFile, hold: Standing['hold'] = null): [FileId, Standing] {
  return [row.fileId, { row, hold }];
}

const decisionsOf = (plan: ReturnType<typeof planBatch>) =>
  plan.outcomes.map(({ decision }) => decision);

test('of two in one batch the higher is written, in either order', (t) => {
  const low = file('a', 1);
  const high = file('a', 2);
  for (const batch of [
    [low, high],
    [high, low],
  ]) {
    const plan = planBatch(batch, new Map());
    t.deepEqual(plan.rows, [{ found: high, expectedDigest: null }]);
    const decisions = new Map(plan.outcomes.map(({ found, decision }) => [found, decision]));
    t.is(decisions.get(low), 'duplicate');
    t.is(decisions.get(high), 'add');
    t.deepEqual(plan.outranked, []);
  }
});

test('of three, only the highest is', (t) => {
  const files = [file('a', 2), file('a', 3), file('a', 1)];
  const plan = planBatch(files, new Map());
  t.deepEqual(decisionsOf(plan), ['duplicate', 'add', 'duplicate']);
  t.deepEqual(plan.rows, [{ found: files[1], expectedDigest: null }]);
});

test('of two that tie the first stays', (t) => {
  const files = [file('a', 2), file('a', 2, { storagePath: 'other/' })];
  const plan = planBatch(files, new Map());
  t.deepEqual(decisionsOf(plan), ['add', 'tie']);
  t.deepEqual(plan.rows, [{ found: files[0], expectedDigest: null }]);
});

test('a row in another place gives way to the highest, and is named', (t) => {
  const row = file('a', 1, { elementId: rw });
  const files = [file('a', 2), file('a', 3)];
  const plan = planBatch(files, new Map([standing(row)]));
  t.deepEqual(decisionsOf(plan), ['duplicate', 'take-over']);
  t.deepEqual(plan.rows, [{ found: files[1], expectedDigest: row.sidecarDigest }]);
  t.deepEqual(plan.outranked, [row]);
});

test('a row whose own sidecar is in the batch gives way in either order', (t) => {
  const row = file('a', 1);
  const high = file('a', 2);
  for (const batch of [
    [row, high],
    [high, row],
  ]) {
    const plan = planBatch(batch, new Map([standing(row)]));
    t.deepEqual(
      decisionsOf(plan),
      batch[0] === row ? ['duplicate', 'take-over'] : ['take-over', 'duplicate'],
    );
    t.deepEqual(plan.rows, [{ found: high, expectedDigest: row.sidecarDigest }]);
  }
});

test('the row is changed in its place by a second one that outranks the first', (t) => {
  const row = file('a', 1);
  const moved = file('a', 2, { storagePath: 'other/' });
  const rewritten = { ...row, revision: 3, sidecarDigest: 'a-3' };
  const plan = planBatch([moved, rewritten], new Map([standing(row)]));
  t.deepEqual(decisionsOf(plan), ['duplicate', 'replace']);
  t.deepEqual(plan.rows, [{ found: rewritten, expectedDigest: row.sidecarDigest }]);
});

test('what is held is not written', (t) => {
  const files = [file('a', 1), file('b', 1), file('c', 1)];
  const standings = new Map<FileId, Standing>([
    ['a' as FileId, { row: null, hold: 'upload' }],
    ['b' as FileId, { row: null, hold: 'tombstone' }],
    standing({ ...file('c', 1), revision: 0, sidecarDigest: 'old' }, 'claim'),
  ]);
  const plan = planBatch(files, standings);
  t.deepEqual(decisionsOf(plan), ['in-flight', 'tombstoned', 'in-flight']);
  t.deepEqual(plan.rows, []);
});

const anyFile = fc
  .record({
    id: fc.constantFrom('a', 'b'),
    revision: fc.integer({ min: 1, max: 4 }),
    path: fc.constantFrom('', 'x/', 'y/'),
  })
  .map(({ id, revision, path }) => file(id, revision, { storagePath: path }));

test('property: without ties, the same rows whatever the order and wherever batches end', (t) => {
  const key = ({ fileId, revision }: FoundFile) => `${fileId} ${revision}`;
  fc.assert(
    fc.property(
      fc.uniqueArray(anyFile, { selector: key }),
      fc.infiniteStream(fc.boolean()),
      (files, ends) => {
        const expected = new Map<FileId, FoundFile>();
        for (const each of files) {
          if ((expected.get(each.fileId)?.revision ?? 0) < each.revision) {
            expected.set(each.fileId, each);
          }
        }
        const rows = new Map<FileId, FoundFile>();
        let batch: FoundFile[] = [];
        const write = (): void => {
          const standings = new Map([...rows.values()].map((row) => standing(row)));
          for (const { found } of planBatch(batch, standings).rows) rows.set(found.fileId, found);
          batch = [];
        };
        for (const each of files) {
          batch.push(each);
          if (ends.next().value) write();
        }
        write();
        t.deepEqual([...rows].sort(), [...expected].sort());
      },
    ),
  );
});

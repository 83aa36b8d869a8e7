import test from 'ava';
import type { ElementId, FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import {
  createIdHistogram,
  firstFileId,
  idAfter,
  lastFileId,
  planShards,
  type IdStretch,
} from '#domain/migrations/plan-shards.ts';

const idOf = (number: number): FileId =>
  `${number.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000` as FileId;

function histogramOf(counts: readonly number[]) {
  const histogram = createIdHistogram();
  for (const [index, count] of counts.entries()) histogram.add({ lastId: idOf(index), count });
  return histogram;
}

const edit = 'edit-01' as ElementId;
const other = 'rw-01' as ElementId;

test('the id after an id', (t) => {
  t.is(idAfter(firstFileId), '00000000-0000-0000-0000-000000000001' as FileId);
  t.is(
    idAfter('00000000-0000-0000-ffff-ffffffffffff' as FileId),
    '00000000-0000-0001-0000-000000000000' as FileId,
  );
  t.is(idAfter(lastFileId), null);
});

test('a histogram keeps its count and its order when neighbours become one', (t) => {
  const histogram = createIdHistogram(8);
  for (let index = 0; index < 100; index += 1) histogram.add({ lastId: idOf(index), count: index });
  const { stretches, count } = histogram;
  t.true(stretches.length <= 8);
  t.is(count, 4950);
  t.is(
    stretches.reduce((sum: number, stretch: IdStretch) => sum + stretch.count, 0),
    4950,
  );
  t.deepEqual(
    stretches.map(({ lastId }) => lastId),
    stretches.map(({ lastId }) => lastId).sort(),
  );
  t.is(stretches.at(-1)?.lastId, idOf(99));
});

test('shards cover all ids without a gap, and share the files', (t) => {
  const shards = planShards(
    [{ elementId: edit, histogram: histogramOf(Array(200).fill(500)) }],
    1000,
  );
  t.true(shards.length > 48 && shards.length <= limits.migrationShards, String(shards.length));
  t.is(shards[0]?.fromId, firstFileId);
  t.is(shards.at(-1)?.toId, lastFileId);
  for (const [index, shard] of shards.entries()) {
    t.is(shard.shard, index);
    const next = shards[index + 1];
    if (next !== undefined) t.deepEqual([next.fromId], [idAfter(shard.toId)]);
    t.true(shard.planned >= 1000 && shard.planned <= 2500, String(shard.planned));
  }
  t.is(
    shards.reduce((sum, { planned }) => sum + planned, 0),
    100_000,
  );
});

test('no shard is smaller than a batch, and few files are one shard', (t) => {
  const small = planShards([{ elementId: edit, histogram: histogramOf([500, 3]) }], 1000);
  t.deepEqual(small, [
    { shard: 0, elementId: edit, fromId: firstFileId, toId: lastFileId, planned: 503 },
  ]);
  const more = planShards(
    [{ elementId: edit, histogram: histogramOf([500, 500, 500, 500]) }],
    1000,
  );
  t.deepEqual(
    more.map(({ planned }) => planned),
    [1000, 1000],
  );
});

test('each element with files has shards of its own, one without has none', (t) => {
  const shards = planShards(
    [
      { elementId: edit, histogram: histogramOf(Array(100).fill(500)) },
      { elementId: 'empty' as ElementId, histogram: histogramOf([0, 0]) },
      { elementId: other, histogram: histogramOf([7]) },
    ],
    500,
  );
  t.deepEqual([...new Set(shards.map(({ elementId }) => elementId))], [edit, other]);
  const ofOther = shards.filter(({ elementId }) => elementId === other);
  t.like(ofOther, [{ fromId: firstFileId, toId: lastFileId, planned: 7 }]);
  t.true(shards.length <= limits.migrationShards + 1);
});

test('lopsided ids do not make lopsided shards', (t) => {
  const counts = [...Array(50).fill(1), ...Array(50).fill(500)] as number[];
  const shards = planShards([{ elementId: edit, histogram: histogramOf(counts) }], 1000);
  t.true(
    shards.every(({ planned }) => planned <= 2000),
    JSON.stringify(shards),
  );
  t.is(
    shards.reduce((sum, { planned }) => sum + planned, 0),
    25_050,
  );
});

import test from 'ava';

import { createBatcher, type Settled } from '#domain/batcher.ts';

/** Batches that end when the test says so. */
function openGate(options: { maxItems?: number; maxInFlight?: (waiting: number) => number } = {}) {
  const batches: {
    items: readonly number[];
    end: (outcomes: readonly Settled<string>[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const batcher = createBatcher<number, string>({
    maxItems: options.maxItems ?? 3,
    maxInFlight: options.maxInFlight ?? (() => 1),
    run: (items) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Settled<string>[]>();
      batches.push({ items, end: resolve, fail: reject });
      return promise;
    },
  });
  const endBatch = (index: number) =>
    batches[index]?.end(batches[index].items.map((item) => ({ ok: true, value: `done ${item}` })));
  return { batcher, batches, endBatch };
}

test('an item that comes alone starts at once', async (t) => {
  const { batcher, batches, endBatch } = openGate();
  const result = batcher.add(1);
  t.deepEqual(batches[0]?.items, [1]);
  t.is(batcher.inFlight, 1);
  endBatch(0);
  t.is(await result, 'done 1');
  t.is(batcher.inFlight, 0);
});

test('what comes while a batch is under way forms the next ones, in order and at most so large', async (t) => {
  const { batcher, batches, endBatch } = openGate();
  const results = [1, 2, 3, 4, 5].map((item) => batcher.add(item));
  t.is(batches.length, 1);
  t.is(batcher.waiting, 4);
  endBatch(0);
  await results[0];
  t.deepEqual(batches[1]?.items, [2, 3, 4]);
  t.is(batcher.waiting, 1);
  endBatch(1);
  await results[3];
  t.deepEqual(batches[2]?.items, [5]);
  endBatch(2);
  t.deepEqual(await Promise.all(results), ['done 1', 'done 2', 'done 3', 'done 4', 'done 5']);
});

test('a second batch starts beside the first when so many wait', async (t) => {
  const { batcher, batches, endBatch } = openGate({
    maxInFlight: (waiting) => (waiting > 3 ? 2 : 1),
  });
  const results = [1, 2, 3, 4].map((item) => batcher.add(item));
  t.is(batches.length, 1);
  results.push(batcher.add(5));
  t.deepEqual(
    batches.map((batch) => batch.items),
    [[1], [2, 3, 4]],
  );
  t.is(batcher.inFlight, 2);
  endBatch(1);
  t.is(await results[1], 'done 2', 'the second may end first');
  endBatch(0);
  await results[0];
  endBatch(2);
  await Promise.all(results);
  t.is(batches.length, 3);
});

test('each item has its own outcome', async (t) => {
  const { batcher, batches } = openGate();
  const blocker = batcher.add(0);
  const [good, bad] = [batcher.add(1), batcher.add(2)];
  batches[0]?.end([{ ok: true, value: 'x' }]);
  await blocker;
  const failure = new Error('not this one');
  batches[1]?.end([
    { ok: true, value: 'good' },
    { ok: false, error: failure },
  ]);
  t.is(await good, 'good');
  t.is(await t.throwsAsync(bad), failure);
});

test('a batch that throws fails its own items and no others', async (t) => {
  const { batcher, batches, endBatch } = openGate();
  const first = batcher.add(1);
  const second = batcher.add(2);
  const failure = new Error('gone');
  batches[0]?.fail(failure);
  t.is(await t.throwsAsync(first), failure);
  endBatch(1);
  t.is(await second, 'done 2');
  t.is(batcher.inFlight, 0);
});

test('a missing outcome fails its item instead of leaving it waiting', async (t) => {
  const { batcher, batches } = openGate();
  const result = batcher.add(1);
  batches[0]?.end([]);
  await t.throwsAsync(result, { message: /no outcome/ });
});

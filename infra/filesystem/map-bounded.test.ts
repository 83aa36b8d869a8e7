import test from 'ava';
import { mapBounded } from './map-bounded.ts';

test('results stand in the order of the items, and no more than the limit are under way', async (t) => {
  let underWay = 0;
  let most = 0;
  const results = await mapBounded([5, 4, 3, 2, 1], 2, async (item) => {
    underWay += 1;
    most = Math.max(most, underWay);
    for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
    underWay -= 1;
    return item * 10;
  });
  t.deepEqual(results, [50, 40, 30, 20, 10]);
  t.is(most, 2);
});

test('the first error is thrown after those under way have ended, and nothing more is started', async (t) => {
  const reason = new Error('second');
  const started: number[] = [];
  const ended: number[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const mapping = mapBounded([1, 2, 3, 4], 2, async (item) => {
    started.push(item);
    if (item === 2) {
      setImmediate(release);
      throw reason;
    }
    await released;
    ended.push(item);
  });
  t.is(await t.throwsAsync(mapping), reason);
  t.deepEqual(started, [1, 2]);
  t.deepEqual(ended, [1]);
});

test('nothing gives nothing', async (t) => {
  t.deepEqual(await mapBounded([], 4, () => Promise.reject(new Error('never called'))), []);
});

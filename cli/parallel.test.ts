import test from 'ava';
import { forEachParallel } from './parallel.ts';

test('so many at a time and not more, every item once', async (t) => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  const items = Array.from({ length: 50 }, (_, index) => index);
  await forEachParallel(items, { parallel: 4, mustStop: () => false }, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    seen.push(item);
  });
  t.is(most, 4);
  t.deepEqual(
    seen.toSorted((a, b) => a - b),
    items,
  );
});

test('once it must stop nothing new is begun, and what was begun is finished', async (t) => {
  const begun: number[] = [];
  const finished: number[] = [];
  await forEachParallel(
    [1, 2, 3, 4, 5],
    { parallel: 2, mustStop: () => begun.length >= 3 },
    async (item) => {
      begun.push(item);
      await new Promise(setImmediate);
      finished.push(item);
    },
  );
  t.deepEqual(begun, [1, 2, 3]);
  t.deepEqual(finished, [1, 2, 3]);
});

test('what work throws ends it, after the others have ended', async (t) => {
  const finished: number[] = [];
  const run = forEachParallel(
    [1, 2, 3, 4],
    { parallel: 2, mustStop: () => false },
    async (item) => {
      if (item === 2) throw new Error('bug');
      await new Promise(setImmediate);
      finished.push(item);
    },
  );
  await t.throwsAsync(run, { message: 'bug' });
  t.deepEqual(finished, [1]);
});

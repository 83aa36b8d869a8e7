import test from 'ava';
import { createSharedSync } from './shared-sync.ts';

interface StartedSync {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function createManualSync(): { started: StartedSync[]; sync: () => Promise<void> } {
  const started: StartedSync[] = [];
  return {
    started,
    sync() {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      started.push({ resolve, reject });
      return promise;
    },
  };
}

test('those who ask while one is under way share the next one', async (t) => {
  const { started, sync } = createManualSync();
  const shared = createSharedSync(sync);
  const first = shared();
  const others = [shared(), shared(), shared()];
  t.is(started.length, 1);
  started[0]?.resolve();
  await first;
  t.is(started.length, 2);
  started[1]?.resolve();
  await Promise.all(others);

  const later = shared();
  t.is(started.length, 3);
  started[2]?.resolve();
  await later;
});

test('a failed one fails also those who wait for the next: what it lost stays lost', async (t) => {
  const { started, sync } = createManualSync();
  const shared = createSharedSync(sync);
  const reason = new Error('input/output error');
  const all = Promise.allSettled([shared(), shared()]);
  started[0]?.reject(reason);
  t.deepEqual(await all, [
    { status: 'rejected', reason },
    { status: 'rejected', reason },
  ]);
  t.is(started.length, 1);

  const later = shared();
  started[1]?.resolve();
  await t.notThrowsAsync(later);
});

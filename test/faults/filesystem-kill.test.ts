import test from 'ava';
import { startDriver, type DriverProcess } from './filesystem-driver-process.ts';
import { checkFault, countCalls } from './filesystem-faults.ts';
import type { TracedCall } from './strace.ts';

const calls: readonly TracedCall[] = ['openat', 'mkdir', 'pwrite64', 'pwritev', 'fsync', 'rename'];

test('every call in turn is the last of its process: whole or absent, and whole when repeated', async (t) => {
  const drivers = new Set<Promise<DriverProcess>>();
  t.teardown(() => Promise.all([...drivers].map(async (driver) => (await driver).end())));
  function startNext(): Promise<DriverProcess> {
    const driver = startDriver(1);
    drivers.add(driver);
    return driver;
  }

  const counts = await countCalls(await startNext(), 'empty');
  const kills = calls.flatMap((call) =>
    Array.from({ length: counts.get(call) ?? 0 }, (_, index) => ({ call, nth: index + 1 })),
  );
  t.true(kills.length > 40);
  // The next process starts while this one dies.
  let next = startNext();
  for (const kill of kills) {
    const current = next;
    next = startNext();
    await checkFault(t, await current, { ...kill, start: 'empty', effect: 'signal=KILL' });
    drivers.delete(current);
  }
});

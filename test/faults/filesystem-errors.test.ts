import { rm } from 'node:fs/promises';
import test from 'ava';
import { readElement } from '#test/support/independent-reader.ts';
import { makeElement, startDriver } from './filesystem-driver-process.ts';
import { checkFault, countCalls } from './filesystem-faults.ts';
import { traceWhile, type Injection, type TracedCall } from './strace.ts';

const reading: readonly TracedCall[] = ['statx', 'readlink'];
const writing: readonly TracedCall[] = [
  'openat',
  'mkdir',
  'pwrite64',
  'pwritev',
  'fsync',
  'rename',
];

const cases = [
  { error: 'EIO', start: 'empty', calls: [...writing, ...reading] },
  { error: 'ENOSPC', start: 'empty', calls: writing },
  // Nothing is to be moved or made: mkdir finds what it wants, content needs no write.
  { error: 'EIO', start: 'stored', calls: ['openat', 'pwrite64', 'fsync', 'rename', ...reading] },
] as const;

for (const { error, start, calls } of cases) {
  test.serial(
    `${start}, every call in turn fails with ${error}: a clean answer, whole or absent`,
    async (t) => {
      const driver = await startDriver(1);
      t.teardown(() => driver.end());
      const counts = await countCalls(driver, start);
      for (const call of calls) {
        const count = counts.get(call) ?? 0;
        t.true(count > 0, call);
        for (let nth = 1; nth <= count; nth += 1) {
          await checkFault(t, driver, { start, call, nth, effect: `error=${error}` });
        }
      }
    },
  );
}

test.serial(
  'a failed fsync on the way of a big file is not made good by the one at its end',
  async (t) => {
    const driver = await startDriver(1);
    t.teardown(() => driver.end());
    const root = await makeElement();
    t.teardown(() => rm(root, { recursive: true }));
    const stageBigFile = (): Promise<string | null> => driver.stageBigFile(root, 100_000_000);
    const plain = await traceWhile(driver.child, stageBigFile);
    t.is(plain.result, 'staged');
    t.true(plain.calls.some(({ name }) => name === 'fdatasync'));

    const injection: Injection = { call: 'fdatasync', nth: 1, effect: 'error=EIO' };
    const failing = await traceWhile(driver.child, stageBigFile, injection);
    t.true(failing.isInjected);
    t.is(failing.result, 'refused');
    t.is((await readElement(root)).staging.length, 1);
  },
);

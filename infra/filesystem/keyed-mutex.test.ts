import test from 'ava';
import { createKeyedMutex } from './keyed-mutex.ts';

test('sections of one key follow each other in the order of arrival, whatever becomes of them', async (t) => {
  const mutex = createKeyedMutex<string>();
  const log: string[] = [];
  const section = (name: string) => async (): Promise<string> => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${name} ends`);
    if (name === 'b') throw new Error('b fails');
    return name;
  };
  const [a, b, c] = await Promise.allSettled([
    mutex.run('key', section('a')),
    mutex.run('key', section('b')),
    mutex.run('key', section('c')),
  ]);
  t.deepEqual([a.status, b.status, c.status], ['fulfilled', 'rejected', 'fulfilled']);
  t.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('sections of different keys do not wait for each other', async (t) => {
  const mutex = createKeyedMutex<string>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const held = mutex.run('held', () => released);
  t.is(await mutex.run('free', () => Promise.resolve('done')), 'done');
  release();
  await held;
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { holdKernelLock, tryKernelLock } from './kernel-lock.ts';

test('one holder at a time, and free again afterwards', async (t) => {
  const name = randomUUID();
  const lock = await tryKernelLock(name);
  t.truthy(lock);
  t.is(await tryKernelLock(name), null);
  t.truthy(await tryKernelLock(randomUUID()), 'another name is another lock');
  await lock!.release();
  const again = await tryKernelLock(name);
  t.truthy(again);
  await again!.release();
});

test('a waiter gets it when the holder lets go', async (t) => {
  const name = randomUUID();
  const lock = await tryKernelLock(name);
  const waits = Promise.withResolvers<void>();
  const waiting = holdKernelLock(name, waits.resolve);
  await waits.promise;
  await lock!.release();
  const held = await waiting;
  t.is(await tryKernelLock(name), null);
  await held.release();
});

test('a waiter gets it when the holder is killed', async (t) => {
  const name = randomUUID();
  const program = `
    const { tryKernelLock } = await import(${JSON.stringify(import.meta.resolve('./kernel-lock.ts'))});
    globalThis.lock = await tryKernelLock(${JSON.stringify(name)});
    setInterval(() => {}, 1000);
    console.log('held');
  `;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  const waits = Promise.withResolvers<void>();
  const waiting = holdKernelLock(name, waits.resolve);
  await waits.promise;
  holder.kill('SIGKILL');
  const held = await waiting;
  t.pass();
  await held.release();
});

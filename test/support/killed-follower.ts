import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TemporalHarness } from '#test/support/element-harness.ts';
import type { FollowerHarness } from '#test/support/follower-harness.ts';
import type { FollowerProcessOrder } from '#test/support/follower-process.ts';

const script = fileURLToPath(new URL('follower-process.ts', import.meta.url));

/** Kills the follower's process between handing files on and moving its position. */
export async function killFollower(
  temporal: TemporalHarness,
  { databaseUrl, taskQueue }: FollowerHarness,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-bundle-'));
  const bundlePath = join(folder, 'bundle.js');
  await writeFile(bundlePath, temporal.workflowBundle.code);
  const order: FollowerProcessOrder = { databaseUrl, taskQueue, bundlePath };
  const child = fork(script, [JSON.stringify(order)], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  const { promise: reached, resolve, reject } = Promise.withResolvers<void>();
  child.on('message', (message) => {
    if (message === 'reached') resolve();
  });
  child.once('exit', () => reject(new Error('the follower ended by itself')));
  try {
    await reached;
  } finally {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
  }
}

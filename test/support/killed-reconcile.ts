import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TemporalHarness } from '#test/support/element-harness.ts';
import type { ReconcileHarness } from '#test/support/reconcile-harness.ts';
import type { ReconcileProcessOrder } from '#test/support/reconcile-process.ts';

/** The first findings were written; one content of several is aside; rows were added; marked. */
export const repairPoints = ['recordFailures', 'quarantineContent', 'addRows', 'mark'] as const;
export type RepairPoint = (typeof repairPoints)[number];

const script = fileURLToPath(new URL('reconcile-process.ts', import.meta.url));

/** Runs a worker until it has come to this point of its repairs; it is dead when this resolves. */
export async function killAfter({
  temporal,
  harness,
  point,
}: {
  readonly temporal: TemporalHarness;
  readonly harness: ReconcileHarness;
  readonly point: RepairPoint;
}): Promise<void> {
  const { catalogue, elementId } = harness.world.harness;
  const folder = await mkdtemp(join(tmpdir(), 'artstore-bundle-'));
  const order: ReconcileProcessOrder = {
    databaseUrl: catalogue.url,
    elementId,
    bundlePath: join(folder, 'bundle.js'),
    hangAfter: point,
  };
  await writeFile(order.bundlePath, temporal.workflowBundle.code);
  const child = fork(script, [JSON.stringify(order)], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  try {
    const { promise: reached, resolve, reject } = Promise.withResolvers<void>();
    child.on('message', (message) => {
      if (message === 'reached') resolve();
    });
    child.once('exit', () => reject(new Error('the worker ended before it came so far')));
    await reached;
  } finally {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
  }
}

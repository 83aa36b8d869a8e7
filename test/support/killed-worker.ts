import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  openElementHarness,
  type ElementHarness,
  type GroupHandle,
  type TemporalHarness,
} from '#test/support/element-harness.ts';
import { lookAround, type Aftermath } from '#test/support/store-files-scenarios.ts';
import { newGroupId } from '#test/support/stored-files.ts';
import type { WorkerProcessOrder } from '#test/support/worker-process.ts';
import type { ElementActivities } from '#workers/element-worker.ts';

const script = fileURLToPath(new URL('worker-process.ts', import.meta.url));

/**
 * Kills the worker's process right after a step has happened and before anybody was told, then
 * lets another worker go on.
 */
export async function playKilledWorker(
  temporal: TemporalHarness,
  hangAfter: keyof ElementActivities,
): Promise<{ readonly handle: GroupHandle; readonly aftermath: Aftermath }> {
  await using harness = await openElementHarness(temporal);
  const uploads = await harness.stageMany(3);
  const handle = await killAfterStep({ temporal, harness, hangAfter }, () =>
    harness.startGroup(newGroupId(), uploads),
  );
  await using worker = await harness.startWorker();
  await handle.result();
  void worker;
  return { handle, aftermath: await lookAround(harness, uploads, 'completed') };
}

/** @param start of what comes to that step; its worker is dead when this resolves. */
export async function killAfterStep<Started>(
  place: {
    readonly temporal: TemporalHarness;
    readonly harness: ElementHarness;
    readonly hangAfter: keyof ElementActivities;
  },
  start: () => Promise<Started>,
): Promise<Started> {
  const { temporal, harness, hangAfter } = place;
  const folder = await mkdtemp(join(tmpdir(), 'artstore-bundle-'));
  const order: WorkerProcessOrder = {
    databaseUrl: harness.catalogue.url,
    elementId: harness.elementId,
    bundlePath: join(folder, 'bundle.js'),
    hangAfter,
  };
  await writeFile(order.bundlePath, temporal.workflowBundle.code);
  const child = fork(script, [JSON.stringify(order)], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  try {
    await told(child, 'serving');
    const reached = told(child, 'reached');
    const started = await start();
    await reached;
    return started;
  } finally {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
  }
}

async function told(child: ReturnType<typeof fork>, message: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onMessage = (received: unknown): void => {
    if (received === message) resolve();
  };
  const onExit = (): void => reject(new Error(`the worker ended before it said: ${message}`));
  child.on('message', onMessage);
  child.once('exit', onExit);
  try {
    await promise;
  } finally {
    child.off('message', onMessage);
    child.off('exit', onExit);
  }
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalogueQueueOf } from '#test/support/catalogue-worker.ts';
import type { TemporalHarness } from '#test/support/element-harness.ts';
import type { MigrationHarness } from '#test/support/migration-harness.ts';
import type { ChunkPoint, MigrationProcessOrder } from '#test/support/migration-process.ts';

const script = fileURLToPath(new URL('migration-process.ts', import.meta.url));

export interface Death {
  readonly stopAt: ChunkPoint;
  readonly visit: number;
}

/**
 * Starts the workers in a process of their own, which is killed when it comes to the point.
 * @param start of what comes there; the process is dead when this resolves
 */
export async function killMigration<Started>(
  { temporal, harness }: { readonly temporal: TemporalHarness; readonly harness: MigrationHarness },
  death: Death,
  start: () => Promise<Started>,
): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-bundle-'));
  const order: MigrationProcessOrder = {
    databaseUrl: harness.harness.catalogue.url,
    elementId: harness.harness.elementId,
    taskQueue: catalogueQueueOf(harness.harness),
    bundlePath: join(folder, 'bundle.js'),
    ...death,
  };
  await writeFile(order.bundlePath, temporal.workflowBundle.code);
  const child = fork(script, [JSON.stringify(order)], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  const told = async (message: string): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.on('message', (received) => received === message && resolve());
    child.once('exit', () => reject(new Error(`the process ended before it said: ${message}`)));
    await promise;
  };
  try {
    await told('serving');
    const reached = told('reached');
    const started = await start();
    await reached;
    return started;
  } finally {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
  }
}

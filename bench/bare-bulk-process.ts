import { fork } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment } from '#config/child-environment.ts';
import type { BulkOrder, BulkReport } from './bare-bulk.ts';

type Reply = { readonly report: BulkReport } | { readonly error: string };

/** A new process for each order: what an earlier one left in its memory helps nobody. */
export async function runBareBulk(order: BulkOrder): Promise<BulkReport> {
  const child = fork(new URL('bare-bulk.ts', import.meta.url), {
    stdio: 'inherit',
    env: childEnvironment({ UV_THREADPOOL_SIZE: '16' }),
  });
  const exited = once(child, 'exit');
  child.send(order);
  const [reply] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => [{ error: 'the bare loop ended' }]),
  ])) as [Reply];
  if (child.connected) child.disconnect();
  await exited;
  if ('error' in reply) throw new Error(reply.error);
  return reply.report;
}

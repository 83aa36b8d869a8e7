/**
 * A worker that rebuilds in a process of its own, to be killed: it stops for good right before or
 * right after it has written the named batch, and says so.
 */
import { readFile } from 'node:fs/promises';
import { NativeConnection } from '@temporalio/worker';
import type { ElementId } from '#domain/ids.ts';
import { installQuietRuntime } from '#test/support/element-harness.ts';
import { startRebuildWorker } from '#test/support/rebuild-harness.ts';
import { testStack } from '#test/support/test-stack.ts';

export interface RebuildProcessOrder {
  readonly elementId: ElementId;
  readonly databaseUrl: string;
  readonly bundlePath: string;
  readonly batchFiles: number;
  readonly stop: { readonly when: 'before' | 'after'; readonly batch: number };
}

const order = JSON.parse(process.argv[2] ?? '') as RebuildProcessOrder;
const { elementId, databaseUrl, bundlePath, batchFiles, stop } = order;
installQuietRuntime();
let batches = 0;

async function stopAt(when: 'before' | 'after'): Promise<void> {
  if (when !== stop.when || batches !== stop.batch) return;
  process.send?.('reached');
  await new Promise(() => {});
}

await startRebuildWorker({
  elementId,
  databaseUrl,
  connection: await NativeConnection.connect({ address: testStack().temporalAddress }),
  workflowBundle: { code: await readFile(bundlePath, 'utf8'), sourceMap: '' },
  pace: { batchFiles },
  beforeBatch() {
    batches += 1;
    return stopAt('before');
  },
  afterBatch: () => stopAt('after'),
});

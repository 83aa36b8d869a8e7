/**
 * A follower in a process of its own, to be killed: it stops for good after it has handed on its
 * first files, before the position moves, and says so.
 */
import { readFile } from 'node:fs/promises';
import { NativeConnection } from '@temporalio/worker';
import { openPool } from '#infra/postgres/open-pool.ts';
import { installQuietRuntime } from '#test/support/element-harness.ts';
import { createLoggingTarget, startFollowerWorker } from '#test/support/follower-harness.ts';
import { testStack } from '#test/support/test-stack.ts';

export interface FollowerProcessOrder {
  readonly databaseUrl: string;
  readonly taskQueue: string;
  readonly bundlePath: string;
}

const order = JSON.parse(process.argv[2] ?? '') as FollowerProcessOrder;
installQuietRuntime();
const database = openPool({
  url: order.databaseUrl,
  applicationName: 'artstore-test-follower',
  poolSize: 4,
});
const target = await createLoggingTarget(database);
await startFollowerWorker({
  ...order,
  database,
  connection: await NativeConnection.connect({ address: testStack().temporalAddress }),
  workflowBundle: { code: await readFile(order.bundlePath, 'utf8'), sourceMap: '' },
  target: {
    ...target,
    async applyFiles(fileIds) {
      await target.applyFiles(fileIds);
      process.send?.('reached');
      return new Promise(() => {});
    },
  },
});
process.send?.('serving');

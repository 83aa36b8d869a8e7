/**
 * A worker in a process of its own, to be killed. Stops for good after the named step and says so.
 *
 *   node test/support/worker-process.ts '{"databaseUrl": …, "elementId": …, "hangAfter": …}'
 */
import { readFile } from 'node:fs/promises';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { ElementId } from '#domain/ids.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { around } from '#test/support/activity-faults.ts';
import { installQuietRuntime, quietLogger } from '#test/support/element-harness.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runElementWorker, type ElementActivities } from '#workers/element-worker.ts';

export interface WorkerProcessOrder {
  readonly databaseUrl: string;
  readonly elementId: ElementId;
  readonly bundlePath: string;
  readonly hangAfter: keyof ElementActivities;
}

const order = JSON.parse(process.argv[2] ?? '') as WorkerProcessOrder;
const { temporalAddress: address, temporalNamespace: namespace } = testStack();
installQuietRuntime();
const connection = await NativeConnection.connect({ address });
const database = openPool({
  url: order.databaseUrl,
  applicationName: 'artstore-test-worker',
  poolSize: 4,
});
const orm = await openOrm(order.databaseUrl, 'artstore-test-worker');

await runElementWorker({
  elementId: order.elementId,
  connection,
  namespace,
  workflowBundle: { code: await readFile(order.bundlePath, 'utf8'), sourceMap: '' },
  registry: new PostgresUploadRegistry(database),
  changes: new PostgresFileChanges(database),
  journal: new PostgresOperationJournal(database),
  elements: createFilesystemElementAccess(new PostgresStorageElementRegistry(orm)),
  directory: createTemporalWorkflowDirectory(new Client({ connection, namespace }).workflow),
  openLock: (id, signal) => openElementLock(order.databaseUrl, id, { signal }),
  logger: quietLogger,
  signal: new AbortController().signal,
  onServing: () => process.send?.('serving'),
  wrapActivities: around(order.hangAfter, async (step) => {
    await step();
    process.send?.('reached');
    return new Promise(() => {});
  }),
});

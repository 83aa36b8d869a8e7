/**
 * A worker in a process of its own, to be killed in the middle of its repairs: it stops for good
 * right after it has done one, and says so.
 *
 *   node test/support/reconcile-process.ts '{"databaseUrl": …, "elementId": …, "hangAfter": …}'
 */
import { readFile } from 'node:fs/promises';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { ElementId } from '#domain/ids.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { PostgresElementRows } from '#infra/postgres/postgres-element-rows.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { installQuietRuntime, quietLogger } from '#test/support/element-harness.ts';
import type { RepairPoint } from '#test/support/killed-reconcile.ts';
import { quickPace } from '#test/support/reconcile-harness.ts';
import { testStack } from '#test/support/test-stack.ts';
import { composeReconcile } from '#workers/compose-reconcile.ts';
import { runElementWorker } from '#workers/element-worker.ts';

export interface ReconcileProcessOrder {
  readonly databaseUrl: string;
  readonly elementId: ElementId;
  readonly bundlePath: string;
  readonly hangAfter: RepairPoint;
}

async function hang(): Promise<never> {
  process.send?.('reached');
  return new Promise(() => {});
}

async function run(order: ReconcileProcessOrder): Promise<void> {
  const { hangAfter, elementId, databaseUrl: url } = order;
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  const applicationName = 'artstore-test-worker';
  installQuietRuntime();
  const connection = await NativeConnection.connect({ address });
  const database = openPool({ url, applicationName, poolSize: 4 });
  const orm = await openOrm(url, applicationName);
  const files = createFilesystemElementAccess(new PostgresStorageElementRegistry(orm));
  const elements: ElementAccess = {
    async openElement(id) {
      const element = await files.openElement(id);
      return {
        ...element,
        async quarantineContent(item) {
          const outcome = await element.quarantineContent(item);
          return hangAfter === 'quarantineContent' ? hang() : outcome;
        },
      };
    },
  };
  const rows = new PostgresElementRows(database);
  const failures = new PostgresOperationFailures(database);
  await runElementWorker({
    elementId,
    connection,
    namespace,
    workflowBundle: { code: await readFile(order.bundlePath, 'utf8'), sourceMap: '' },
    registry: new PostgresUploadRegistry(database),
    changes: new PostgresFileChanges(database),
    journal: new PostgresOperationJournal(database),
    elements,
    directory: createTemporalWorkflowDirectory(new Client({ connection, namespace }).workflow),
    openLock: (id, signal) => openElementLock(url, id, { signal }),
    reconcile: {
      ...composeReconcile(database, openAttributesCodec()),
      pace: quickPace,
      rows: {
        listRows: (...page) => rows.listRows(...page),
        countRows: (id) => rows.countRows(id),
        findRecords: (...asked) => rows.findRecords(...asked),
        async addRows(...given) {
          const added = await rows.addRows(...given);
          return hangAfter === 'addRows' ? hang() : added;
        },
      },
      failures: {
        listFailures: (...page) => failures.listFailures(...page),
        async recordFailures(operationId, found) {
          await failures.recordFailures(operationId, found);
          const isMark = found.some(({ detail }) => detail.endsWith(' now.'));
          if (found.length > 0 && hangAfter === (isMark ? 'mark' : 'recordFailures')) await hang();
        },
      },
    },
    logger: quietLogger,
    signal: new AbortController().signal,
    onServing: () => process.send?.('serving'),
  });
}

await run(JSON.parse(process.argv[2] ?? '') as ReconcileProcessOrder);

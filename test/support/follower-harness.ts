import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { NativeConnection, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { FeedTarget } from '#activities/feed-targets.ts';
import type { FileId } from '#domain/ids.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { quietLogger, type TemporalHarness } from '#test/support/element-harness.ts';
import { openTestCatalogue, type TestCatalogue } from '#test/support/open-test-catalogue.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runCatalogueWorker, type CatalogueWorkerOptions } from '#workers/catalogue-worker.ts';
import { workflowTypes } from '#workflows/messages.ts';

export interface FollowerWorkerOptions {
  readonly target: FeedTarget;
  readonly turnMs?: number;
  readonly wrapActivities?: CatalogueWorkerOptions['wrapActivities'];
}

export interface FollowerPlace {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly taskQueue: string;
}

/** An outbox and a follower of it that nobody else knows. */
export interface FollowerHarness extends AsyncDisposable, FollowerPlace {
  readonly catalogue: TestCatalogue;
  readonly outbox: PostgresOutbox;
  startWorker(options: FollowerWorkerOptions): Promise<AsyncDisposable>;
  startFollower(): Promise<WorkflowHandle>;
  /** Of the run that was started first. */
  firstRun(handle: WorkflowHandle): WorkflowHandle;
}

export async function openFollowerHarness(temporal: TemporalHarness): Promise<FollowerHarness> {
  const catalogue = await openTestCatalogue();
  const { url: databaseUrl, database } = catalogue;
  const listener = createOutboxListener({ url: databaseUrl, applicationName: 'artstore-test' });
  const name = randomUUID();
  const place = { databaseUrl, database, taskQueue: `catalogue-${name}` };
  const started: WorkflowHandle[] = [];
  return {
    ...place,
    catalogue,
    outbox: new PostgresOutbox(database, listener),
    startWorker: (options) => startFollowerWorker({ ...place, ...temporal, ...options }),
    async startFollower() {
      const handle = await temporal.client.workflow.start(workflowTypes.followOutbox, {
        workflowId: `follow-outbox/${name}`,
        taskQueue: place.taskQueue,
        args: [{ consumer: 'search' }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      });
      started.push(handle);
      return handle;
    },
    firstRun: (handle) =>
      temporal.client.workflow.getHandle(
        handle.workflowId,
        (handle as WorkflowHandle & { firstExecutionRunId: string }).firstExecutionRunId,
      ),
    async [Symbol.asyncDispose]() {
      for (const { workflowId } of started) {
        // Cancelled or not there any more: both are as good as ended.
        await temporal.client.workflow
          .getHandle(workflowId)
          .terminate()
          .catch(() => undefined);
      }
      await listener[Symbol.asyncDispose]();
      await catalogue[Symbol.asyncDispose]();
    },
  };
}

export async function startFollowerWorker(
  options: FollowerPlace &
    FollowerWorkerOptions & {
      readonly connection: NativeConnection;
      readonly workflowBundle: WorkflowBundleWithSourceMap;
    },
): Promise<AsyncDisposable> {
  const { database, databaseUrl: url, target, turnMs, wrapActivities } = options;
  const stopping = new AbortController();
  const listener = createOutboxListener({ url, applicationName: 'artstore-test-follower' });
  const { promise: serving, resolve: onServing } = Promise.withResolvers<void>();
  const running = runCatalogueWorker({
    connection: options.connection,
    namespace: testStack().temporalNamespace,
    workflowBundle: options.workflowBundle,
    taskQueue: options.taskQueue,
    changes: new PostgresFileChanges(database),
    catalogue: new PostgresFileCatalogue(database),
    journal: new PostgresOperationJournal(database),
    feed: {
      outbox: new PostgresOutbox(database, listener),
      targets: { search: target },
      ...(turnMs === undefined ? {} : { turnMs }),
    },
    logger: quietLogger,
    signal: stopping.signal,
    onServing,
    ...(wrapActivities === undefined ? {} : { wrapActivities }),
  });
  await Promise.race([serving, running]);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
      await listener[Symbol.asyncDispose]();
    },
  };
}

/** Writes down what it was given, in a table beside the outbox: it outlives its process. */
export async function createLoggingTarget(database: Database): Promise<FeedTarget> {
  await database.query({
    text: 'create table if not exists taken (number bigint generated always as identity, file_id uuid)',
  });
  return {
    prepare: () => Promise.resolve(),
    async applyFiles(fileIds) {
      await database.query({ text: 'insert into taken (file_id) select unnest($1::uuid[])' }, [
        fileIds,
      ]);
    },
  };
}

export async function readTaken(database: Database): Promise<FileId[]> {
  const rows = await database.query<{ file_id: FileId }>({
    text: 'select file_id from taken order by number',
  });
  return rows.map((row) => row.file_id);
}

import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Client, Connection } from '@temporalio/client';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { applyTemporalDeclaration } from '#infra/temporal/declaration-application.ts';
import { loadTemporalDeclaration } from '#infra/temporal/declaration.ts';
import { createTemporalConnection } from '#infra/temporal/temporal-connection.ts';
import { createTemporalElementMaintenance } from '#infra/temporal/temporal-element-maintenance.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';
import { testStack } from '#test/support/test-stack.ts';

/** The real server and the real worker process, in a namespace of their own. */
export interface ServedApi extends AsyncDisposable {
  readonly api: TestApi;
  /** Of the namespace. */
  readonly temporal: Client;
  readonly databaseUrl: string;
  /** Says `ready` before it resolves. */
  startWorker(settings?: Readonly<Record<string, string>>): Promise<AsyncDisposable>;
}

export async function startServedApi(): Promise<ServedApi> {
  const { temporalAddress: address } = testStack();
  const namespace = `served-${randomUUID()}`;
  await applyTemporalDeclaration(loadTemporalDeclaration(), {
    address,
    namespace,
    elementIds: [],
    signal: AbortSignal.timeout(120_000),
  });
  const resources = new AsyncDisposableStack();
  const connection = resources.use(createTemporalConnection({ address, namespace }));
  let databaseUrl = '';
  const api = await startTestApi(async ({ uploads, operations }, world) => {
    ({ databaseUrl } = world);
    const journal = new PostgresOperationJournal(world.database);
    const lifecycle = await openTemporalFileLifecycle({
      connection,
      registry: uploads,
      changes: new PostgresFileChanges(world.database),
      journal,
    });
    resources.use(lifecycle);
    const { client } = connection;
    const elementMaintenance = createTemporalElementMaintenance({ client, journal, operations });
    return { lifecycle, elementMaintenance };
  });
  const own = await Connection.connect({ address });
  resources.defer(() => own.close());
  const temporal = new Client({ connection: own, namespace });

  return {
    api,
    temporal,
    databaseUrl,
    startWorker: (settings = {}) => startWorker({ databaseUrl, namespace, settings }),
    async [Symbol.asyncDispose]() {
      await endEverything(temporal);
      await resources[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

async function startWorker(options: {
  readonly databaseUrl: string;
  readonly namespace: string;
  readonly settings: Readonly<Record<string, string>>;
}): Promise<AsyncDisposable> {
  const child: ChildProcess = fork(new URL('../../workers/main.ts', import.meta.url), {
    env: {
      PATH: process.env['PATH'],
      ARTSTORE_DATABASE_URL: options.databaseUrl,
      ARTSTORE_TEMPORAL_ADDRESS: testStack().temporalAddress,
      ARTSTORE_TEMPORAL_NAMESPACE: options.namespace,
      ARTSTORE_LOG_LEVEL: 'warn',
      ...options.settings,
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  await Promise.race([
    once(child, 'message'),
    exited.then((): never => {
      throw new Error('the worker ended before it was ready');
    }),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Nothing goes on working in a namespace that nobody serves any more. */
async function endEverything(temporal: Client): Promise<void> {
  for await (const { scheduleId } of temporal.schedule.list()) {
    await temporal.schedule.getHandle(scheduleId).delete();
  }
  for await (const { workflowId } of temporal.workflow.list({
    query: `ExecutionStatus = 'Running'`,
  })) {
    await temporal.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined);
  }
}

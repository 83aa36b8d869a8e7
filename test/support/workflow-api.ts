import { randomUUID } from 'node:crypto';
import type { ElementId } from '#domain/ids.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { createTemporalConnection } from '#infra/temporal/temporal-connection.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { quietLogger, type TemporalHarness } from '#test/support/element-harness.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runCatalogueWorker } from '#workers/catalogue-worker.ts';
import { runElementWorker } from '#workers/element-worker.ts';

export interface WorkflowApi extends AsyncDisposable {
  readonly api: TestApi;
  readonly editId: ElementId;
  readonly rwId: ElementId;
  /** Serves both elements and the catalogue's queue until it is disposed of. */
  startWorkers(): Promise<AsyncDisposable>;
}

/** The real server over real workflows, with queues that no other test serves. */
export async function startWorkflowApi(
  temporal: TemporalHarness,
  { deletionGraceMs = 0 }: { readonly deletionGraceMs?: number } = {},
): Promise<WorkflowApi> {
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  const mark = randomUUID().slice(0, 13);
  const [editId, rwId] = [`edit-${mark}` as ElementId, `rw-${mark}` as ElementId];
  const catalogueQueue = `catalogue-${mark}`;
  const resources = new AsyncDisposableStack();
  const connection = resources.use(createTemporalConnection({ address, namespace }));
  let databaseUrl = '';
  const api = await startTestApi(
    async (ports, world) => {
      ({ databaseUrl } = world);
      const lifecycle = await openTemporalFileLifecycle({
        connection,
        registry: ports.uploads,
        changes: new PostgresFileChanges(world.database),
        journal: new PostgresOperationJournal(world.database),
        catalogueTaskQueue: catalogueQueue,
      });
      resources.use(lifecycle);
      return { lifecycle };
    },
    { elementIds: [editId, rwId], deletionGraceMs },
  );

  async function startWorkers(): Promise<AsyncDisposable> {
    const stopping = new AbortController();
    const shared = {
      connection: temporal.connection,
      namespace,
      workflowBundle: temporal.workflowBundle,
      logger: quietLogger,
      signal: stopping.signal,
      registry: api.ports.uploads,
      catalogue: api.ports.catalogue,
      changes: new PostgresFileChanges(api.database),
      journal: new PostgresOperationJournal(api.database),
      elements: api.ports.elementAccess,
      directory: createTemporalWorkflowDirectory(temporal.client.workflow),
      openLock: (id: ElementId, signal: AbortSignal) =>
        openElementLock(databaseUrl, id, { signal }),
    };
    const started: Promise<void>[] = [];
    const running: Promise<void>[] = [];
    const run = (worker: (onServing: () => void) => Promise<void>): void => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const ended = worker(resolve);
      running.push(ended);
      started.push(Promise.race([promise, ended]));
    };
    run((onServing) => runElementWorker({ ...shared, elementId: editId, onServing }));
    run((onServing) => runElementWorker({ ...shared, elementId: rwId, onServing }));
    run((onServing) => runCatalogueWorker({ ...shared, taskQueue: catalogueQueue, onServing }));
    await Promise.all(started);
    return {
      async [Symbol.asyncDispose]() {
        stopping.abort();
        await Promise.all(running);
      },
    };
  }

  return {
    api,
    editId,
    rwId,
    startWorkers,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await resources[Symbol.asyncDispose]();
    },
  };
}

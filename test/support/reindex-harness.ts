import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { NativeConnection, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { ReindexSearchPorts } from '#activities/reindex-search-activities.ts';
import type { OperationId } from '#domain/ids.ts';
import type { SearchQuery } from '#domain/ports/file-search.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresFileSearch } from '#infra/postgres/postgres-file-search.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { createTemporalSearchMaintenance } from '#infra/temporal/temporal-search-maintenance.ts';
import { quietLogger, type TemporalHarness } from '#test/support/element-harness.ts';
import { openTestCatalogue, type TestCatalogue } from '#test/support/open-test-catalogue.ts';
import { newAccountId } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runCatalogueWorker, type CatalogueWorkerOptions } from '#workers/catalogue-worker.ts';
import { reindexSearchWorkflowId } from '#workflows/messages.ts';

export interface ReindexPlace {
  readonly databaseUrl: string;
  readonly taskQueue: string;
  readonly indexName: string;
}

export interface ReindexWorkerOptions {
  readonly pace?: ReindexSearchPorts['pace'];
  readonly wrapActivities?: CatalogueWorkerOptions['wrapActivities'];
}

export interface ReindexHarness extends AsyncDisposable {
  readonly place: ReindexPlace;
  readonly catalogue: TestCatalogue;
  readonly index: MeilisearchSearchIndex;
  startWorker(options?: ReindexWorkerOptions): Promise<AsyncDisposable>;
  startReindex(): Promise<{ readonly operationId: OperationId; readonly handle: WorkflowHandle }>;
  /** How many files the serving index finds by a word. */
  countHits(text: string): Promise<number>;
  /** Indexes that stand beside the serving one. */
  listLeftovers(): Promise<readonly string[]>;
}

/** A catalogue, a search index and a queue that nobody else knows. */
export async function openReindexHarness(temporal: TemporalHarness): Promise<ReindexHarness> {
  const { meilisearchUrl: url, meilisearchKey: key } = testStack();
  const catalogue = await openTestCatalogue();
  const name = randomUUID();
  const place = {
    databaseUrl: catalogue.url,
    taskQueue: `catalogue-${name}`,
    indexName: `test-${name}`,
  };
  const index = new MeilisearchSearchIndex({ url, key, indexName: place.indexName });
  await index.ensureIndex();
  const maintenance = createTemporalSearchMaintenance({
    connection: temporal,
    journal: new PostgresOperationJournal(catalogue.database),
    operations: catalogue.operations,
    catalogueTaskQueue: place.taskQueue,
  });
  const started: WorkflowHandle[] = [];
  async function listIndexes(): Promise<readonly string[]> {
    const response = await fetch(`${url}/indexes?limit=1000`, {
      headers: { Authorization: `Bearer ${key}` },
    });
    const { results } = (await response.json()) as { results: { uid: string }[] };
    return results.map(({ uid }) => uid).filter((uid) => uid.startsWith(place.indexName));
  }
  return {
    place,
    catalogue,
    index,
    startWorker: (options = {}) =>
      startReindexWorker({ ...temporal, ...options, place, database: catalogue.database }),
    async startReindex() {
      const operationId = randomUUID() as string as OperationId;
      await maintenance.startReindex({ operationId, startedBy: newAccountId() });
      const handle = temporal.client.workflow.getHandle(reindexSearchWorkflowId(operationId));
      started.push(handle);
      return { operationId, handle };
    },
    async countHits(text) {
      const { hits } = await index.searchIndex({ ...everything, text });
      return hits.length;
    },
    async listLeftovers() {
      return (await listIndexes()).filter((uid) => uid !== place.indexName);
    },
    async [Symbol.asyncDispose]() {
      // Ended or not there any more: both are good.
      for (const handle of started) await handle.terminate().catch(() => undefined);
      for (const uid of await listIndexes()) await index.dropIndex(uid);
      index[Symbol.dispose]();
      await catalogue[Symbol.asyncDispose]();
    },
  };
}

const everything: SearchQuery & { readonly offset: number } = {
  text: null,
  mode: 'fulltext',
  filters: {},
  sort: 'relevance',
  order: 'desc',
  limit: 100,
  after: null,
  offset: 0,
  withHighlight: false,
  facets: [],
};

export async function startReindexWorker(
  options: ReindexWorkerOptions & {
    readonly place: ReindexPlace;
    readonly database: Database;
    readonly connection: NativeConnection;
    readonly workflowBundle: WorkflowBundleWithSourceMap;
  },
): Promise<AsyncDisposable> {
  const { place, database, pace, wrapActivities } = options;
  const { meilisearchUrl: url, meilisearchKey: key, temporalNamespace } = testStack();
  const stopping = new AbortController();
  const listener = createOutboxListener({
    url: place.databaseUrl,
    applicationName: 'artstore-test-reindex',
  });
  const index = new MeilisearchSearchIndex({ url, key, indexName: place.indexName });
  const { promise: serving, resolve: onServing } = Promise.withResolvers<void>();
  const running = runCatalogueWorker({
    connection: options.connection,
    namespace: temporalNamespace,
    workflowBundle: options.workflowBundle,
    taskQueue: place.taskQueue,
    changes: new PostgresFileChanges(database),
    catalogue: new PostgresFileCatalogue(database),
    journal: new PostgresOperationJournal(database),
    reindex: {
      search: new PostgresFileSearch(database),
      index,
      outbox: new PostgresOutbox(database, listener),
      codec: openAttributesCodec(),
      onUnreadable: () => undefined,
      ...(pace === undefined ? {} : { pace }),
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
      index[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

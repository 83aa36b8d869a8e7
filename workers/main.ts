/**
 * A worker process: serves the storage elements it is told to, each through a worker of its own and
 * while it is online, and takes its part of the work that belongs to none.
 */
import { Client } from '@temporalio/client';
import { Runtime, makeTelemetryFilterString } from '@temporalio/worker';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { ElementId } from '#domain/ids.ts';
import { feedConsumers } from '#domain/ports/outbox.ts';
import { loadWorkerConfig } from '#config/load-config.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool, type Database } from '#infra/postgres/open-pool.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { PostgresCatalogueRebuild } from '#infra/postgres/postgres-catalogue-rebuild.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresFileSearch } from '#infra/postgres/postgres-file-search.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { openRedisFileCache } from '#infra/redis/redis-file-cache.ts';
import { createLogger } from '#infra/telemetry/logger.ts';
import { connectWorker } from '#infra/temporal/connect-worker.ts';
import { loadTemporalDeclaration } from '#infra/temporal/declaration.ts';
import { keepFollowersRunning } from '#infra/temporal/follower-starter.ts';
import { openElementSchedules } from '#infra/temporal/schedule-keeper.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { runCatalogueWorker } from './catalogue-worker.ts';
import { composeFeedTargets, logUnreadable } from './compose-feed-targets.ts';
import { composeMigrate } from './compose-migrate.ts';
import { composeReconcile } from './compose-reconcile.ts';
import {
  createElementTurns,
  runElementWorker,
  type ElementTurns,
  type ElementWorkerOptions,
} from './element-worker.ts';
import { serveElements, type ServedElement } from './serve-elements.ts';
import { listenForStop } from './stop-signal.ts';
import { createTemporalLogger } from './temporal-logger.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

/** Above the sum of a worker's own limits: only what hangs for good meets it. */
const exitDeadlineMs = 25_000;

const config = loadWorkerConfig();
const logger = createLogger({ name: 'worker', level: config.logLevel });
const temporalLogger = createTemporalLogger(logger);
const stopping = listenForStop();
stopping.addEventListener('abort', () => {
  logger.info('stopping');
  setTimeout(() => process.exit(1), exitDeadlineMs).unref();
});
Runtime.install({
  logger: temporalLogger,
  // One owner of the signals: this file.
  shutdownSignals: [],
  telemetryOptions: {
    logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
  },
});

try {
  await run();
} catch (error) {
  if (!stopping.aborted) throw error;
}
logger.info('stopped');

async function run(): Promise<void> {
  const { databaseUrl: url, temporalNamespace: namespace } = config;
  const applicationName = 'artstore-worker';
  await using database = openPool({ url, applicationName, poolSize: config.databasePoolSize });
  await using orm = await openOrm(url, applicationName);
  await using listener = createOutboxListener({
    url,
    applicationName: `${applicationName}-outbox`,
  });
  await using cache =
    config.redisUrl === null ? null : openRedisFileCache(config.redisUrl, { applicationName });
  using index =
    config.meilisearchUrl === null
      ? null
      : new MeilisearchSearchIndex({ url: config.meilisearchUrl, key: config.meilisearchKey });
  const storageElements = new PostgresStorageElementRegistry(orm);
  const [workflowBundle, connection] = await Promise.all([
    bundleWorkflows(createTemporalLogger(logger.child({}, { level: 'warn' }))),
    connectWorker(config.temporalAddress, stopping),
  ]);
  const client = new Client({ connection, namespace });
  const search = new PostgresFileSearch(database);
  const codec = openAttributesCodec();
  const outbox = new PostgresOutbox(database, listener);
  const targets = composeFeedTargets({ cache, index, search, codec, logger });
  const onUnreadable = logUnreadable(logger);
  const shared = {
    connection,
    namespace,
    workflowBundle,
    registry: new PostgresUploadRegistry(database),
    changes: new PostgresFileChanges(database),
    journal: new PostgresOperationJournal(database),
    elements: createFilesystemElementAccess(storageElements),
    directory: createTemporalWorkflowDirectory(client.workflow),
    openLock: (elementId: ElementId, signal: AbortSignal) =>
      openElementLock(url, elementId, { signal }),
    ...(cache === null ? {} : { cache }),
    logger: temporalLogger,
    signal: stopping,
  };
  const rebuild = composeRebuild(database, codec);
  const reconcile = composeReconcile(database, codec);
  const migrate = composeMigrate(database, codec);
  await Promise.all([
    runCatalogueWorker({
      ...shared,
      catalogue: new PostgresFileCatalogue(database),
      feed: { outbox, targets },
      migrate,
      ...(index === null ? {} : { reindex: { search, index, outbox, codec, onUnreadable } }),
    }),
    keepFollowersRunning(client.workflow, {
      consumers: feedConsumers.filter((consumer) => targets[consumer] !== undefined),
      signal: stopping,
      onFailure: (error) => logger.warn({ err: error }, 'the followers could not be started yet'),
    }),
    serveElements({
      registry: storageElements,
      only: config.workerElements,
      serveElement: createElementService({ ...shared, rebuild, reconcile, migrate }, client),
      onReady: () => process.send?.({ kind: 'ready' }),
      onFailure: (error) => logger.warn({ err: error }, 'the elements cannot be looked up now'),
      signal: stopping,
    }),
  ]);
  await connection.close();
}

function composeRebuild(database: Database, codec: AttributesCodec) {
  return {
    rebuild: new PostgresCatalogueRebuild(database),
    failures: new PostgresOperationFailures(database),
    codec,
  };
}

/** One element, from the moment that it is online until it goes out of use. */
function createElementService(
  worker: Omit<ElementWorkerOptions, 'elementId' | 'signal' | 'onServing' | 'turns'>,
  client: Client,
) {
  const declaration = loadTemporalDeclaration();
  const turns = new Map<ElementId, ElementTurns>();
  return async ({ elementId, signal, onServing }: ServedElement): Promise<void> => {
    const ofElement = turns.get(elementId) ?? createElementTurns();
    turns.set(elementId, ofElement);
    const announce = (): void => {
      logger.info({ element_id: elementId }, 'serving a storage element');
      onServing();
    };
    await Promise.all([
      runElementWorker({ ...worker, elementId, signal, turns: ofElement, onServing: announce }),
      openElementSchedules(client, {
        declaration,
        elementId,
        signal,
        onFailure: (error) => logger.warn({ err: error }, 'schedules could not be made yet'),
      }),
    ]);
    logger.info({ element_id: elementId }, 'the storage element is no longer served');
  };
}

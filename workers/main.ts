/**
 * A worker process: serves the storage elements it is told to, each through a worker of its own,
 * and takes its part of the work that belongs to none.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { Runtime, makeTelemetryFilterString } from '@temporalio/worker';
import type { ElementId } from '#domain/ids.ts';
import { feedConsumers } from '#domain/ports/outbox.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import { loadWorkerConfig } from '#config/load-config.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresFileSearch } from '#infra/postgres/postgres-file-search.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { openRedisFileCache } from '#infra/redis/redis-file-cache.ts';
import { createLogger } from '#infra/telemetry/logger.ts';
import { connectWorker } from '#infra/temporal/connect-worker.ts';
import { keepFollowersRunning } from '#infra/temporal/follower-starter.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { runCatalogueWorker } from './catalogue-worker.ts';
import { composeFeedTargets, logUnreadable } from './compose-feed-targets.ts';
import { runElementWorker } from './element-worker.ts';
import { listenForStop } from './stop-signal.ts';
import { createTemporalLogger } from './temporal-logger.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

/** Above the sum of a worker's own limits: only what hangs for good meets it. */
const exitDeadlineMs = 25_000;
const retryPauseMs = 1_000;

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
  const [workflowBundle, connection, elementIds] = await Promise.all([
    bundleWorkflows(createTemporalLogger(logger.child({}, { level: 'warn' }))),
    connectWorker(config.temporalAddress, stopping),
    config.workerElements ?? findElements(storageElements),
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
  const waiting = new Set(elementIds);
  const onServing = (elementId: ElementId): void => {
    logger.info({ element_id: elementId }, 'serving a storage element');
    waiting.delete(elementId);
    if (waiting.size === 0) process.send?.({ kind: 'ready' });
  };
  await Promise.all([
    runCatalogueWorker({
      ...shared,
      catalogue: new PostgresFileCatalogue(database),
      feed: { outbox, targets },
      ...(index === null ? {} : { reindex: { search, index, outbox, codec, onUnreadable } }),
    }),
    keepFollowersRunning(client.workflow, {
      consumers: feedConsumers.filter((consumer) => targets[consumer] !== undefined),
      signal: stopping,
      onFailure: (error) => logger.warn({ err: error }, 'the followers could not be started yet'),
    }),
    ...elementIds.map((elementId) =>
      runElementWorker({ ...shared, elementId, onServing: () => onServing(elementId) }),
    ),
  ]);
  await connection.close();
}

/** Every directory that is online. Waits for a catalogue that does not answer or is still empty. */
async function findElements(registry: StorageElementRegistry): Promise<readonly ElementId[]> {
  for (;;) {
    stopping.throwIfAborted();
    try {
      const elements = await registry.listElements();
      const served = elements.filter(
        ({ type, status }) => type === 'filesystem' && status === 'online',
      );
      if (served.length > 0) return served.map(({ elementId }) => elementId);
      logger.warn('there is no storage element to serve yet');
    } catch (error) {
      logger.warn({ err: error }, 'the catalogue does not answer yet');
    }
    await sleep(retryPauseMs, undefined, { signal: stopping });
  }
}

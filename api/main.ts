/** An API process: composes the server with its adapters, serves, and drains when it is asked to stop. */
import { hkdfSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStorageHealth } from '#api/health/storage-health.ts';
import { createServer, type ApiServer } from '#api/server.ts';
import { loadApiConfig } from '#config/load-config.ts';
import { isDomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import { createArgon2SecretHasher } from '#infra/argon2/argon2-secret-hasher.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { createFilesystemElementDirectories } from '#infra/filesystem/filesystem-element-directories.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { createTemplateChecker } from '#infra/json-schema/template-checker.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool, type Database } from '#infra/postgres/open-pool.ts';
import { PostgresAccountRegistry } from '#infra/postgres/postgres-account-registry.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { PostgresFileSearch, searchPoolOptions } from '#infra/postgres/postgres-file-search.ts';
import { createPostgresHealth } from '#infra/postgres/postgres-health.ts';
import { PostgresMigrationRuns } from '#infra/postgres/postgres-migration-runs.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresOperationKeys } from '#infra/postgres/postgres-operation-keys.ts';
import { PostgresOperationRegistry } from '#infra/postgres/postgres-operation-registry.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { PostgresSigningKeyStore } from '#infra/postgres/postgres-signing-key-store.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresTemplateRegistry } from '#infra/postgres/postgres-template-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import {
  createRedisHealth,
  openRedisFileCache,
  type RedisFileCache,
} from '#infra/redis/redis-file-cache.ts';
import { createLogger } from '#infra/telemetry/logger.ts';
import {
  createTemporalConnection,
  createTemporalHealth,
  type TemporalConnection,
} from '#infra/temporal/temporal-connection.ts';
import { createTemporalElementMaintenance } from '#infra/temporal/temporal-element-maintenance.ts';
import { createTemporalMigrationLifecycle } from '#infra/temporal/temporal-migration-lifecycle.ts';
import {
  createTemporalSearchMaintenance,
  type SearchMaintenanceOptions,
} from '#infra/temporal/temporal-search-maintenance.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { listenForStop } from '#workers/stop-signal.ts';

const retryPauseMs = 500;
/** Beyond the time that transfers get: only what hangs for good meets it. */
const exitDeadlineMs = limits.drainMs + 3_000;
const applicationName = 'artstore-api';

const config = loadApiConfig();
const logger = createLogger({ name: 'api', level: config.logLevel });
const stopping = listenForStop();
stopping.addEventListener('abort', () => {
  logger.info('stopping');
  setTimeout(() => process.exit(1), exitDeadlineMs).unref();
});

try {
  await run();
} catch (error) {
  if (!stopping.aborted) throw error;
}
logger.info('stopped');

async function run(): Promise<void> {
  const { databaseUrl: url, temporalNamespace: namespace } = config;
  await using pool = openPool({ url, applicationName, poolSize: config.databasePoolSize });
  await using searchPool = openPool({
    url,
    applicationName: `${applicationName}-search`,
    poolSize: config.databasePoolSize,
    ...searchPoolOptions,
  });
  using searchIndex =
    config.meilisearchUrl === null
      ? null
      : new MeilisearchSearchIndex({ url: config.meilisearchUrl, key: config.meilisearchKey });
  await using orm = await openOrm(url, applicationName);
  await using listener = createOutboxListener({
    url,
    applicationName: `${applicationName}-outbox`,
  });
  await using cache =
    config.redisUrl === null ? null : openRedisFileCache(config.redisUrl, { applicationName });
  await using temporal = createTemporalConnection({ address: config.temporalAddress, namespace });
  const uploads = new PostgresUploadRegistry(pool);
  const operations = new PostgresOperationRegistry(pool);
  const journal = new PostgresOperationJournal(pool);
  const elements = new PostgresStorageElementRegistry(orm);
  const elementAccess = createFilesystemElementAccess(elements);
  await using lifecycle = await openTemporalFileLifecycle({
    connection: temporal,
    registry: uploads,
    changes: new PostgresFileChanges(pool),
    journal,
  });
  const server = createServer({
    ports: {
      catalogue: new PostgresFileCatalogue(pool),
      cache,
      feed: new PostgresOutbox(pool, listener),
      search: new PostgresFileSearch(searchPool),
      searchIndex,
      ...composeBulkWork({ connection: temporal, journal, operations }, pool),
      uploads,
      operations,
      operationKeys: new PostgresOperationKeys(pool),
      elements,
      elementAccess,
      elementDirectories: createFilesystemElementDirectories(),
      failures: new PostgresOperationFailures(pool),
      lifecycle,
      accounts: new PostgresAccountRegistry(orm),
      signingKeys: new PostgresSigningKeyStore(orm, config.masterKey),
      secrets: createArgon2SecretHasher(),
      codec: openAttributesCodec(),
      ...composeTemplates(pool),
      components: [
        createPostgresHealth(pool),
        createStorageHealth(elements, elementAccess),
        ...composeDispensable(temporal, cache),
      ],
    },
    settings: composeSettings(),
    logger,
  });
  await serve(server);
}

function composeTemplates(database: Database) {
  const templates = new PostgresTemplateRegistry(database);
  return { templates, templateChecker: createTemplateChecker(templates) };
}

/** Parts without which reads go on. */
function composeDispensable(temporal: TemporalConnection, cache: RedisFileCache | null) {
  const timeoutMs = limits.healthCheckMs;
  return [
    createTemporalHealth(temporal, { isRequired: false, timeoutMs }),
    ...(cache === null ? [] : [createRedisHealth(cache)]),
  ];
}

/** Whatever is started here and goes over very many files. */
function composeBulkWork(parts: SearchMaintenanceOptions, database: Database) {
  const starter = { ...parts, client: parts.connection.client };
  const migrationRuns = new PostgresMigrationRuns(database);
  const onUnwoken = (error: unknown): void => {
    logger.warn({ err: error }, 'a run could not be told; it looks by itself later');
  };
  return {
    searchMaintenance: createTemporalSearchMaintenance(parts),
    elementMaintenance: createTemporalElementMaintenance(starter),
    migrations: createTemporalMigrationLifecycle({ ...starter, runs: migrationRuns, onUnwoken }),
    migrationRuns,
  };
}

function composeSettings() {
  return {
    publicUrl: config.publicUrl,
    workflowPageUrl: workflowPages(config.temporalUiUrl, config.temporalNamespace),
    cursorKey: deriveKey('artstore paging cursors'),
    deletionGraceMs: config.deletionGraceSeconds * 1000,
    instanceName: `${hostname()}/${process.pid}/${randomUUID()}`,
  };
}

/** Until this process is asked to stop. */
async function serve(server: ApiServer): Promise<void> {
  await prepare(server);
  server.httpServer.listen({ port: config.httpPort, host: config.httpHost });
  await once(server.httpServer, 'listening');
  const { port } = server.httpServer.address() as AddressInfo;
  logger.info({ host: config.httpHost, port }, 'serving');
  process.send?.({ kind: 'ready', port });
  if (!stopping.aborted) await once(stopping, 'abort');
  await server.drain();
}

/** Waits for a catalogue that does not answer yet. */
async function prepare(server: ApiServer): Promise<void> {
  for (;;) {
    stopping.throwIfAborted();
    try {
      await server.prepare();
      return;
    } catch (error) {
      if (!isDomainError(error, 'CATALOGUE_UNAVAILABLE')) throw error;
      logger.warn({ err: error }, 'the catalogue does not answer yet');
    }
    await sleep(retryPauseMs, undefined, { signal: stopping });
  }
}

/** One secret for all purposes, and no purpose that learns it. */
function deriveKey(purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', config.masterKey, '', purpose, 32));
}

function workflowPages(uiUrl: string | null, namespace: string) {
  if (uiUrl === null) return null;
  const workflows = `${uiUrl.replace(/\/$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows`;
  return (workflowId: string) => `${workflows}/${encodeURIComponent(workflowId)}`;
}

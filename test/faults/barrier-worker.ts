/**
 * The worker process of the fault tests: the product's worker for every element, with a barrier
 * around each step.
 */
import { Client } from '@temporalio/client';
import { Runtime } from '@temporalio/worker';
import { loadWorkerConfig } from '#config/load-config.ts';
import type { ElementId } from '#domain/ids.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { openRedisFileCache } from '#infra/redis/redis-file-cache.ts';
import { createLogger } from '#infra/telemetry/logger.ts';
import { connectWorker } from '#infra/temporal/connect-worker.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { runElementWorker } from '#workers/element-worker.ts';
import { listenForStop } from '#workers/stop-signal.ts';
import { createTemporalLogger } from '#workers/temporal-logger.ts';
import { bundleWorkflows } from '#workers/workflow-bundle.ts';
import { wrapWithBarriers } from './barrier-activities.ts';
import { openBarrierGate } from './barrier-gate.ts';
import { barrierSocketVariable } from './barrier-visit.ts';

/** The sweep is started by the tests, which need not wait for what is only to be on the safe side. */
const failedStagingKeptMs = 1_000;

const config = loadWorkerConfig();
const { databaseUrl: url, temporalNamespace: namespace } = config;
const logger = createLogger({ name: 'worker', level: config.logLevel });
const temporalLogger = createTemporalLogger(logger);
const signal = listenForStop();
Runtime.install({ logger: temporalLogger, shutdownSignals: [] });

const applicationName = 'artstore-worker';
await using database = openPool({ url, applicationName, poolSize: config.databasePoolSize });
await using orm = await openOrm(url, applicationName);
await using cache =
  config.redisUrl === null ? null : openRedisFileCache(config.redisUrl, { applicationName });
const storageElements = new PostgresStorageElementRegistry(orm);
const [pass, workflowBundle, connection, found] = await Promise.all([
  openBarrierGate(process.env[barrierSocketVariable] ?? ''),
  bundleWorkflows(temporalLogger),
  connectWorker(config.temporalAddress, signal),
  storageElements.listElements(),
]);
const shared = {
  connection,
  namespace,
  workflowBundle,
  registry: new PostgresUploadRegistry(database),
  changes: new PostgresFileChanges(database),
  journal: new PostgresOperationJournal(database),
  elements: createFilesystemElementAccess(storageElements),
  directory: createTemporalWorkflowDirectory(new Client({ connection, namespace }).workflow),
  openLock: (id: ElementId, lockSignal: AbortSignal) =>
    openElementLock(url, id, { signal: lockSignal }),
  ...(cache === null ? {} : { cache }),
  logger: temporalLogger,
  signal,
  sweepAges: { failedStagingKeptMs },
};
const waiting = new Set(found.map(({ elementId }) => elementId));

await Promise.all(
  found.map(({ elementId }) =>
    runElementWorker({
      ...shared,
      elementId,
      onServing() {
        waiting.delete(elementId);
        if (waiting.size === 0) process.send?.({ kind: 'ready' });
      },
      wrapActivities: (activities) => wrapWithBarriers(elementId, activities, pass),
    }),
  ),
);
await connection.close();

import { readFile } from 'node:fs/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { OperationId } from '#domain/ids.ts';
import type { Operation } from '#domain/operations.ts';
import type { MigrationLifecycle, MigrationRequest } from '#domain/ports/migration-lifecycle.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';
import { PostgresMigrationFiles } from '#infra/postgres/postgres-migration-files.ts';
import { PostgresMigrationRuns } from '#infra/postgres/postgres-migration-runs.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { createTemporalMigrationLifecycle } from '#infra/temporal/temporal-migration-lifecycle.ts';
import { adoptFiles, type AdoptedFile, type AdoptedTraits } from '#test/support/adopted-files.ts';
import { catalogueQueueOf, startCatalogueWorker } from '#test/support/catalogue-worker.ts';
import {
  newOperationId,
  openChangeHarness,
  type ChangeHarness,
} from '#test/support/change-harness.ts';
import type {
  ElementHarness,
  TemporalHarness,
  WorkerFaults,
} from '#test/support/element-harness.ts';
import { newAccountId } from '#test/support/stored-files.ts';
import type { CatalogueWorkerOptions } from '#workers/catalogue-worker.ts';
import type { ElementWorkerOptions } from '#workers/element-worker.ts';
import { migrateAttributesWorkflowId } from '#workflows/messages.ts';

type MigrateParts = NonNullable<ElementWorkerOptions['migrate']>;

export interface MigrationWorkers {
  readonly element?: Omit<WorkerFaults, 'migrate'>;
  readonly catalogue?: Pick<CatalogueWorkerOptions, 'wrapActivities'>;
  readonly migrate?: Partial<MigrateParts>;
}

export interface StartedMigration {
  readonly operationId: OperationId;
  readonly handle: WorkflowHandle;
}

/** An element with files of an old archive, and migrations as an API process starts them. */
export interface MigrationHarness extends AsyncDisposable {
  readonly world: ChangeHarness;
  readonly harness: ElementHarness;
  readonly runs: PostgresMigrationRuns;
  readonly files: PostgresMigrationFiles;
  readonly migrations: MigrationLifecycle;
  adopt(traits: readonly AdoptedTraits[]): Promise<AdoptedFile[]>;
  adoptMany(count: number, traits?: AdoptedTraits): Promise<AdoptedFile[]>;
  startWorkers(workers?: MigrationWorkers): Promise<AsyncDisposable>;
  start(change?: Partial<MigrationRequest>): Promise<StartedMigration>;
  startRetry(ofRun: OperationId): Promise<StartedMigration>;
  startRevert(ofRun: OperationId): Promise<StartedMigration>;
  find(operationId: OperationId): Promise<Operation>;
  /** Its operation, when it has ended. */
  end(started: StartedMigration): Promise<Operation>;
  listFailures(operationId: OperationId): Promise<readonly OperationFailure[]>;
  /** The sidecar as it stands on the element now. */
  read(file: AdoptedFile): Promise<Buffer>;
}

export const migrationRequest: MigrationRequest = {
  sourceVersion: '1.0',
  targetVersion: '2.0',
  selection: { elementId: null, createdFrom: null, createdTo: null, fileIds: null },
  mapping: {},
  mappingPolicy: 'refuse',
  template: null,
  batchSize: 1000,
  concurrency: 4,
  filesPerSecond: null,
  dryRun: false,
};

export async function openMigrationHarness(temporal: TemporalHarness): Promise<MigrationHarness> {
  const world = await openChangeHarness(temporal);
  const { harness } = world;
  const { catalogue, root, elementId } = harness;
  const { database, journal, operations } = catalogue;
  const runs = new PostgresMigrationRuns(database);
  const files = new PostgresMigrationFiles(database);
  const failures = new PostgresOperationFailures(database);
  const migrations = createTemporalMigrationLifecycle({
    client: temporal.client,
    runs,
    journal,
    operations,
    catalogueTaskQueue: catalogueQueueOf(harness),
  });
  const started: WorkflowHandle[] = [];

  async function begin(
    start: (run: {
      operationId: OperationId;
      startedBy: ReturnType<typeof newAccountId>;
    }) => Promise<void>,
  ): Promise<StartedMigration> {
    const operationId = newOperationId();
    await start({ operationId, startedBy: newAccountId() });
    const handle = temporal.client.workflow.getHandle(migrateAttributesWorkflowId(operationId));
    started.push(handle);
    return { operationId, handle };
  }

  async function find(operationId: OperationId): Promise<Operation> {
    const operation = await operations.findOperation(operationId);
    return operation!;
  }

  const adopt = (traits: readonly AdoptedTraits[]): Promise<AdoptedFile[]> =>
    adoptFiles({ root, elementId, database }, traits);

  return {
    world,
    harness,
    runs,
    files,
    migrations,
    adopt,
    adoptMany: (count, traits = {}) => adopt(Array.from({ length: count }, () => traits)),
    async startWorkers({ element = {}, catalogue: ofCatalogue = {}, migrate = {} } = {}) {
      const parts: MigrateParts = { runs, files, codec: openAttributesCodec(), ...migrate };
      const elementWorker = await harness.startWorker({ ...element, migrate: parts });
      const catalogueWorker = await startCatalogueWorker(temporal, harness, {
        ...ofCatalogue,
        migrate: { runs },
      });
      return {
        async [Symbol.asyncDispose]() {
          await catalogueWorker[Symbol.asyncDispose]();
          await elementWorker[Symbol.asyncDispose]();
        },
      };
    },
    start: (change) =>
      begin((run) =>
        migrations.startMigration({ ...run, request: { ...migrationRequest, ...change } }),
      ),
    startRetry: (ofRun) => begin((run) => migrations.startRetry({ ...run, ofRun })),
    startRevert: (ofRun) => begin((run) => migrations.startRevert({ ...run, ofRun })),
    find,
    async end({ operationId, handle }) {
      // However it ends: what became of it stands in the operation.
      await handle.result().catch(() => undefined);
      return find(operationId);
    },
    async listFailures(operationId) {
      const page = await failures.listFailures(operationId, { limit: 1000, after: null });
      return page.failures;
    },
    read: (file) => readFile(file.sidecarPath),
    async [Symbol.asyncDispose]() {
      // Ended or never begun: both are good.
      for (const handle of started) await handle.terminate().catch(() => undefined);
      await world[Symbol.asyncDispose]();
    },
  };
}

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElementId } from '#domain/ids.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { PostgresCatalogueRebuild } from '#infra/postgres/postgres-catalogue-rebuild.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresMigrationRuns } from '#infra/postgres/postgres-migration-runs.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { createTemporalConnection } from '#infra/temporal/temporal-connection.ts';
import { createTemporalElementMaintenance } from '#infra/temporal/temporal-element-maintenance.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { createTemporalMigrationLifecycle } from '#infra/temporal/temporal-migration-lifecycle.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { quietLogger, type TemporalHarness } from '#test/support/element-harness.ts';
import { startTestApi, type TestApi, type TestWorld } from '#test/support/test-api.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runCatalogueWorker } from '#workers/catalogue-worker.ts';
import { composeMigrate } from '#workers/compose-migrate.ts';
import { runElementWorker } from '#workers/element-worker.ts';

/** The real server, workflows and workers, over elements that hold an old archive. */
export interface MigrationStack extends AsyncDisposable {
  readonly api: TestApi;
  readonly editId: ElementId;
  readonly rwId: ElementId;
  readonly archiveId: ElementId;
  /** Of an element that is not registered yet. */
  readonly archiveRoot: string;
  /** Until the stack is disposed of. */
  serve(elementId: ElementId): Promise<void>;
}

export async function openMigrationStack(temporal: TemporalHarness): Promise<MigrationStack> {
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  const mark = randomUUID().slice(0, 13);
  const [editId, rwId, archiveId] = ['edit', 'rw', 'ro'].map(
    (mode) => `${mode}-${mark}` as ElementId,
  ) as [ElementId, ElementId, ElementId];
  const catalogueQueue = `catalogue-${mark}`;
  const archiveRoot = await realpath(await mkdtemp(join(tmpdir(), 'artstore-archive-')));
  const resources = new AsyncDisposableStack();
  resources.defer(() => rm(archiveRoot, { recursive: true, force: true }));
  const connection = resources.use(createTemporalConnection({ address, namespace }));
  const made: { world?: TestWorld } = {};
  const api = await startTestApi(
    async (ports, world) => {
      made.world = world;
      const { database } = world;
      const journal = new PostgresOperationJournal(database);
      const runs = new PostgresMigrationRuns(database);
      const starter = { client: temporal.client, journal, operations: ports.operations };
      const lifecycle = await openTemporalFileLifecycle({
        connection,
        registry: ports.uploads,
        changes: new PostgresFileChanges(database),
        journal,
        catalogueTaskQueue: catalogueQueue,
      });
      resources.use(lifecycle);
      return {
        lifecycle,
        elementMaintenance: createTemporalElementMaintenance(starter),
        migrations: createTemporalMigrationLifecycle({
          ...starter,
          runs,
          catalogueTaskQueue: catalogueQueue,
        }),
        migrationRuns: runs,
      };
    },
    { elementIds: [editId, rwId] },
  );
  const stopping = new AbortController();
  const running: Promise<void>[] = [];
  const { databaseUrl = '' } = made.world ?? {};
  const { database, ports } = api;
  const shared = {
    connection: temporal.connection,
    namespace,
    workflowBundle: temporal.workflowBundle,
    logger: quietLogger,
    signal: stopping.signal,
    registry: ports.uploads,
    catalogue: ports.catalogue,
    changes: new PostgresFileChanges(database),
    journal: new PostgresOperationJournal(database),
    elements: ports.elementAccess,
    directory: createTemporalWorkflowDirectory(temporal.client.workflow),
    openLock: (id: ElementId, signal: AbortSignal) => openElementLock(databaseUrl, id, { signal }),
    rebuild: {
      rebuild: new PostgresCatalogueRebuild(database),
      failures: new PostgresOperationFailures(database),
      codec: ports.codec,
    },
    migrate: composeMigrate(database, ports.codec),
  };
  const start = async (worker: (onServing: () => void) => Promise<void>): Promise<void> => {
    const { promise: serving, resolve } = Promise.withResolvers<void>();
    const ended = worker(resolve);
    running.push(ended);
    await Promise.race([serving, ended]);
  };
  await start((onServing) =>
    runCatalogueWorker({ ...shared, taskQueue: catalogueQueue, onServing }),
  );
  return {
    api,
    editId,
    rwId,
    archiveId,
    archiveRoot,
    serve: (elementId) =>
      start((onServing) => runElementWorker({ ...shared, elementId, onServing })),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all(running);
      await api[Symbol.asyncDispose]();
      await resources[Symbol.asyncDispose]();
    },
  };
}

export interface OldFile {
  readonly fileId: string;
  readonly sidecarPath: string;
  readonly contentPath: string;
  readonly original: Buffer;
}

/** A file as another system left it, with a sidecar of version 1.0 in that system's own layout. */
export async function placeOldFile(root: string, change: object = {}): Promise<OldFile> {
  const fileId = randomUUID();
  const content = `the content of ${fileId}`;
  const storagePath = '2026/01/13/08/';
  const name = `акт_ivanov_20260113T081728_${fileId}.txt`;
  const document = {
    file_id: fileId,
    original_filename: 'акт.txt',
    storage_filename: name,
    file_size: Buffer.byteLength(content),
    content_type: 'text/plain',
    created_at: '2026-01-13T08:17:28.123456+00:00',
    updated_at: '2026-01-13T08:17:28.123456+00:00',
    created_by_id: '57bd79da-1446-446a-b7b5-9c2bf5bbcec9',
    created_by_username: 'ivanov',
    storage_path: storagePath,
    checksum: createHash('sha256').update(content).digest('hex'),
    metadata: { department: 'Бухгалтерия', serial: 17 },
    x_source: { system: 'erp' },
    ...change,
  };
  // Indented by hand of another, and with more digits than JavaScript holds.
  const text = JSON.stringify(document, null, 4).replace(
    '"serial": 17',
    '"serial": 12345678901234567890',
  );
  const folder = join(root, storagePath);
  await mkdir(folder, { recursive: true });
  const contentPath = join(folder, name);
  const sidecarPath = `${contentPath}.attr.json`;
  await writeFile(contentPath, content);
  await writeFile(sidecarPath, text);
  return { fileId, sidecarPath, contentPath, original: Buffer.from(text) };
}

/** Ids of the files whose sidecars are not those that were placed, to the byte. */
export async function findRewritten(files: readonly OldFile[]): Promise<string[]> {
  const changed: string[] = [];
  for (const { fileId, sidecarPath, original } of files) {
    if (!original.equals(await readFile(sidecarPath))) changed.push(fileId);
  }
  return changed;
}

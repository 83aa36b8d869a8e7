import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, type WorkflowHandle } from '@temporalio/client';
import type { NativeConnection, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { RebuildCataloguePorts } from '#activities/rebuild-catalogue-activities.ts';
import { createAttributes } from '#domain/attributes/new-attributes.ts';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import { chooseStorageName } from '#domain/naming/storage-name.ts';
import type { Operation } from '#domain/operations.ts';
import type { CatalogueRebuild, RebuildBatch } from '#domain/ports/catalogue-rebuild.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool, type Database } from '#infra/postgres/open-pool.ts';
import { PostgresCatalogueRebuild } from '#infra/postgres/postgres-catalogue-rebuild.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { createTemporalElementMaintenance } from '#infra/temporal/temporal-element-maintenance.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { quietLogger, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  openTestCatalogue,
  testElement,
  type TestCatalogue,
} from '#test/support/open-test-catalogue.ts';
import { newAccountId, newFileId } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runElementWorker, type ElementWorkerOptions } from '#workers/element-worker.ts';
import { rebuildCatalogueWorkflowId } from '#workflows/messages.ts';

export interface RebuildWorkerOptions {
  readonly pace?: RebuildCataloguePorts['pace'];
  readonly wrapActivities?: ElementWorkerOptions['wrapActivities'];
  /** Called when a batch was read, before the catalogue is asked. */
  readonly beforeStandings?: () => Promise<void>;
  /** Called with what is decided, before it is written. */
  readonly beforeBatch?: (batch: RebuildBatch) => Promise<void>;
  /** Called when it is written, before anybody knows. */
  readonly afterBatch?: () => Promise<void>;
  readonly sweepAges?: ElementWorkerOptions['sweepAges'];
}

export interface TestElement {
  readonly elementId: ElementId;
  readonly root: string;
}

export interface StartedRebuild {
  readonly operationId: OperationId;
  readonly handle: WorkflowHandle;
}

/** Rebuilds over a catalogue, whosever it is. */
export interface Rebuilds {
  readonly rebuild: PostgresCatalogueRebuild;
  startRebuild(element: Pick<TestElement, 'elementId'>): Promise<StartedRebuild>;
  /** The operation when it has ended. */
  findEnded(started: StartedRebuild): Promise<Operation>;
  /** Start and end. */
  runRebuild(element: Pick<TestElement, 'elementId'>): Promise<Operation>;
  listFailures(operationId: OperationId): Promise<readonly OperationFailure[]>;
  digest(element: Pick<TestElement, 'elementId'>): Promise<string>;
  usedBytes(element: Pick<TestElement, 'elementId'>): Promise<number>;
  /** Everything that the catalogue knows of files, as after the loss of a database. */
  forgetFiles(): Promise<void>;
  /** Ends what still runs. */
  endAll(): Promise<void>;
}

export interface RebuildHarness extends Omit<Rebuilds, 'endAll'>, AsyncDisposable {
  readonly catalogue: TestCatalogue;
  addElement(mode?: StorageMode): Promise<TestElement>;
  startWorker(element: TestElement, options?: RebuildWorkerOptions): Promise<AsyncDisposable>;
}

export const codec = openAttributesCodec();
const signal = new AbortController().signal;

export function createRebuilds(temporal: TemporalHarness, catalogue: TestCatalogue): Rebuilds {
  const { database, journal, operations } = catalogue;
  const handles: WorkflowHandle[] = [];
  const failures = new PostgresOperationFailures(database);
  const rebuild = new PostgresCatalogueRebuild(database);
  const maintenance = createTemporalElementMaintenance({
    client: temporal.client,
    journal,
    operations,
  });

  async function startRebuild({
    elementId,
  }: Pick<TestElement, 'elementId'>): Promise<StartedRebuild> {
    const operationId = randomUUID() as string as OperationId;
    await maintenance.startRebuild({ operationId, elementId, startedBy: newAccountId() });
    const { client } = temporal;
    const handle = client.workflow.getHandle(rebuildCatalogueWorkflowId(elementId));
    handles.push(handle);
    return { operationId, handle };
  }

  async function findEnded({ operationId, handle }: StartedRebuild): Promise<Operation> {
    // However it ends: what became of it stands in the operation.
    await handle.result().catch(() => undefined);
    const operation = await operations.findOperation(operationId);
    return operation!;
  }

  return {
    rebuild,
    startRebuild,
    findEnded,
    runRebuild: async (element) => findEnded(await startRebuild(element)),
    async listFailures(operationId) {
      const all: OperationFailure[] = [];
      let after: string | null = null;
      do {
        const page = await failures.listFailures(operationId, { limit: 100, after });
        all.push(...page.failures);
        after = page.next;
      } while (after !== null);
      return all;
    },
    digest: ({ elementId }) => rebuild.digestListing(elementId, signal),
    async usedBytes({ elementId }) {
      return (await catalogue.elements.findElement(elementId))!.usedBytes;
    },
    async forgetFiles() {
      for (const text of [
        'truncate files, outbox, uploads, tombstones, operations, operation_failures',
        'update storage_elements set used_bytes = 0, reserved_bytes = 0',
      ]) {
        await database.query({ text });
      }
    },
    async endAll() {
      // Ended or not there any more: both are good.
      for (const handle of handles) await handle.terminate().catch(() => undefined);
    },
  };
}

/** @param shared a catalogue that somebody else closes */
export async function openRebuildHarness(
  temporal: TemporalHarness,
  shared?: TestCatalogue,
): Promise<RebuildHarness> {
  const catalogue = shared ?? (await openTestCatalogue());
  const { endAll, ...rebuilds } = createRebuilds(temporal, catalogue);
  const roots: string[] = [];
  return {
    ...rebuilds,
    catalogue,
    async addElement(mode = 'edit') {
      const elementId = `test-${randomUUID().slice(0, 13)}` as ElementId;
      const root = await realpath(await mkdtemp(join(tmpdir(), 'artstore-rebuild-')));
      roots.push(root);
      await registerElementDirectory(root, elementId, parseInstant('2026-01-01T00:00:00Z')!);
      await catalogue.elements.registerElement(
        testElement(elementId, { mode, location: { path: root } }),
      );
      return { elementId, root };
    },
    startWorker: ({ elementId }, options = {}) =>
      startRebuildWorker({ ...temporal, ...options, elementId, databaseUrl: catalogue.url }),
    async [Symbol.asyncDispose]() {
      await endAll();
      if (shared === undefined) await catalogue[Symbol.asyncDispose]();
      for (const root of roots) await rm(root, { recursive: true, force: true });
    },
  };
}

/** A worker with connections of its own, in this process or in one to be killed. */
export async function startRebuildWorker(
  options: RebuildWorkerOptions & {
    readonly elementId: ElementId;
    readonly databaseUrl: string;
    readonly connection: NativeConnection;
    readonly workflowBundle: WorkflowBundleWithSourceMap;
  },
): Promise<AsyncDisposable> {
  const { elementId, databaseUrl: url, connection, pace, wrapActivities, sweepAges } = options;
  const namespace = testStack().temporalNamespace;
  const applicationName = 'artstore-test-rebuild';
  const database: Database = openPool({ url, applicationName, poolSize: 6 });
  const orm = await openOrm(url, applicationName);
  const stopping = new AbortController();
  const { promise: serving, resolve: onServing } = Promise.withResolvers<void>();
  const rebuild = new PostgresCatalogueRebuild(database);
  const running = runElementWorker({
    elementId,
    connection,
    namespace,
    workflowBundle: options.workflowBundle,
    registry: new PostgresUploadRegistry(database),
    changes: new PostgresFileChanges(database),
    journal: new PostgresOperationJournal(database),
    elements: createFilesystemElementAccess(new PostgresStorageElementRegistry(orm)),
    directory: createTemporalWorkflowDirectory(new Client({ connection, namespace }).workflow),
    openLock: (id, signal) => openElementLock(url, id, { signal }),
    rebuild: {
      rebuild: delayBatches(rebuild, options),
      failures: new PostgresOperationFailures(database),
      codec,
      ...(pace === undefined ? {} : { pace }),
    },
    logger: quietLogger,
    signal: stopping.signal,
    onServing,
    ...(wrapActivities === undefined ? {} : { wrapActivities }),
    ...(sweepAges === undefined ? {} : { sweepAges }),
  });
  await Promise.race([serving, running]);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
      await orm.close(true);
      await database[Symbol.asyncDispose]();
    },
  };
}

function delayBatches(
  rebuild: CatalogueRebuild,
  { beforeStandings, beforeBatch, afterBatch }: RebuildWorkerOptions,
): CatalogueRebuild {
  return {
    digestListing: (elementId, signal) => rebuild.digestListing(elementId, signal),
    findMode: (elementId) => rebuild.findMode(elementId),
    findRun: (operationId) => rebuild.findRun(operationId),
    beginRun: (operationId, run) => rebuild.beginRun(operationId, run),
    async findStandings(elementId, found) {
      await beforeStandings?.();
      return rebuild.findStandings(elementId, found);
    },
    async applyBatch(batch) {
      await beforeBatch?.(batch);
      const outcome = await rebuild.applyBatch(batch);
      await afterBatch?.();
      return outcome;
    },
  };
}

export const helloContent = Buffer.from('hello, archive\n');

export const sha256Hex = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex');

/** Attributes of a small file as ArtStore itself writes them. */
export function newAttributes(members: JsonObject = {}): Attributes {
  const fileId = newFileId();
  const createdAt = parseInstant('2025-11-08T10:30:45.123456789Z')!;
  const originalFilename = 'Договор поставки №127.pdf';
  const location = chooseStorageName({ originalFilename, username: 'ivanov', createdAt, fileId });
  const attributes = createAttributes({
    ...location,
    fileId,
    originalFilename,
    contentType: 'application/pdf',
    sizeBytes: helloContent.length,
    checksum: sha256Hex(helloContent),
    createdAt,
    createdBy: { id: newAccountId(), username: 'ivanov', fullname: null },
    fields: { description: null, version: null, tags: [], metadata: {}, customAttributes: {} },
    retention: { policy: 'permanent', retainUntil: null },
  });
  return { ...attributes, ...members };
}

export interface PutFile extends StorageLocation {
  readonly fileId: FileId;
  readonly sidecarDigest: string;
}

/** Puts a pair behind everybody's back. @param content null: only the sidecar */
export async function putPair(
  { root }: TestElement,
  location: StorageLocation,
  pair: { readonly sidecar: string | Uint8Array; readonly content?: Uint8Array | null },
): Promise<void> {
  const path = join(root, location.storagePath, location.storageFilename);
  await mkdir(dirname(path), { recursive: true });
  const content = pair.content === undefined ? helloContent : pair.content;
  if (content !== null) await writeFile(path, content);
  await writeFile(`${path}.attr.json`, pair.sidecar);
}

/** The same with a sidecar of ours. */
export async function putFile(
  element: TestElement,
  members: JsonObject = {},
  place: Partial<StorageLocation> & { readonly content?: Uint8Array | null } = {},
): Promise<PutFile> {
  const attributes = newAttributes(members);
  const { text, digest } = codec.encodeSidecar(attributes);
  const { content, ...moved } = place;
  const location = {
    storagePath: attributes.storage_path,
    storageFilename: attributes.storage_filename,
    ...moved,
  };
  await putPair(element, location, {
    sidecar: text,
    ...(content === undefined ? {} : { content }),
  });
  return { ...location, fileId: attributes.file_id as FileId, sidecarDigest: digest };
}

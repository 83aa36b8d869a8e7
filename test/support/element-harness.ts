import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, Client } from '@temporalio/client';
import {
  NativeConnection,
  Runtime,
  makeTelemetryFilterString,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { createAttributes } from '#domain/attributes/new-attributes.ts';
import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { chooseStorageName } from '#domain/naming/storage-name.ts';
import type { ObjectStore } from '#domain/ports/object-store.ts';
import type { StagedUpload, Upload } from '#domain/uploads.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { readElement, type ElementReport } from '#test/support/independent-reader.ts';
import {
  openTestCatalogue,
  testElement,
  type TestCatalogue,
} from '#test/support/open-test-catalogue.ts';
import { newAccountId, uploadRequest } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runElementWorker, type ElementWorkerOptions } from '#workers/element-worker.ts';
import { bundleWorkflows } from '#workers/workflow-bundle.ts';
import {
  elementTaskQueue,
  storeFilesWorkflowId,
  workflowTypes,
  type StoreFilesResult,
} from '#workflows/messages.ts';

export const quietLogger = {
  log: () => undefined,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The SDK says a lot about the faults that tests make on purpose. */
export function installQuietRuntime(): void {
  const logging = { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR' }) };
  Runtime.install({
    logger: quietLogger,
    shutdownSignals: [],
    telemetryOptions: { logging },
  });
}

/** What a test file shares among its tests: connections to Temporal and the bundle. */
export interface TemporalHarness extends AsyncDisposable {
  readonly client: Client;
  readonly connection: NativeConnection;
  readonly workflowBundle: WorkflowBundleWithSourceMap;
}

export async function openTemporalHarness(entry?: URL): Promise<TemporalHarness> {
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  installQuietRuntime();
  const [connection, clientConnection, workflowBundle] = await Promise.all([
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
    bundleWorkflows(quietLogger, entry),
  ]);
  return {
    client: new Client({ connection: clientConnection, namespace }),
    connection,
    workflowBundle,
    async [Symbol.asyncDispose]() {
      await clientConnection.close();
      await connection.close();
    },
  };
}

export type WorkerFaults = Pick<ElementWorkerOptions, 'wrapActivities' | 'sweepAges'> &
  Partial<Pick<ElementWorkerOptions, 'elements' | 'connection' | 'reconcile' | 'migrate'>>;

/** One storage element of its own, on disk and in a database of its own. */
export interface ElementHarness extends AsyncDisposable {
  readonly elementId: ElementId;
  readonly root: string;
  readonly catalogue: TestCatalogue;
  readonly element: ObjectStore;
  /** Receives a body and stages it, as the API does. The row is still `receiving`. */
  receive(): Promise<StagedUpload>;
  receiveMany(count: number): Promise<StagedUpload[]>;
  /** Rows `staged`, content in staging. */
  stageMany(count: number): Promise<StagedUpload[]>;
  findOne(fileId: FileId): Promise<Upload>;
  findStates(uploads: readonly StagedUpload[]): Promise<string[]>;
  readElement(): Promise<ElementReport>;
  counters(): Promise<{ usedBytes: number; reservedBytes: number }>;
  startWorker(faults?: WorkerFaults): Promise<AsyncDisposable>;
  /** Starts the group's workflow without an update. */
  startGroup(groupId: GroupId, uploads: readonly StagedUpload[]): Promise<GroupHandle>;
}

export type GroupHandle = Awaited<ReturnType<typeof startGroup>>;

export const contentBytes = 4096;

export async function openElementHarness(temporal: TemporalHarness): Promise<ElementHarness> {
  const elementId = `test-${randomUUID().slice(0, 13)}` as ElementId;
  const root = await realpath(await mkdtemp(join(tmpdir(), 'artstore-element-')));
  await registerElementDirectory(root, elementId, parseInstant('2026-01-01T00:00:00Z')!);
  const catalogue = await openTestCatalogue();
  await catalogue.elements.registerElement(
    testElement(elementId, { priority: 1, location: { path: root } }),
  );
  const elements = createFilesystemElementAccess(catalogue.elements);
  const element = await elements.openElement(elementId);
  const { uploads: registry } = catalogue;

  async function receive(): Promise<StagedUpload> {
    const request = uploadRequest({ declaredSizeBytes: contentBytes });
    await registry.openUpload(request);
    const content = randomBytes(contentBytes);
    const signal = new AbortController().signal;
    const staged = await element.stageContent(request.fileId, chunksOf(content), { signal });
    return describeUpload(request.fileId, elementId, staged.checksum);
  }

  const receiveMany = (count: number): Promise<StagedUpload[]> =>
    Promise.all(Array.from({ length: count }, receive));

  return {
    elementId,
    root,
    catalogue,
    element,
    receive,
    receiveMany,
    async stageMany(count) {
      const uploads = await receiveMany(count);
      await registry.stageUploads(uploads);
      return uploads;
    },
    async findOne(fileId) {
      const [upload] = await registry.findUploads([fileId]);
      if (upload === undefined) throw new Error('the upload has no row');
      return upload;
    },
    async findStates(uploads) {
      const rows = await registry.findUploads(uploads.map(({ fileId }) => fileId));
      const states = new Map(rows.map(({ fileId, state }) => [fileId, state]));
      return uploads.map(({ fileId }) => states.get(fileId) ?? 'absent');
    },
    readElement: () => readElement(root),
    async counters() {
      const row = await catalogue.elements.findElement(elementId);
      return { usedBytes: row!.usedBytes, reservedBytes: row!.reservedBytes };
    },
    startWorker: (faults = {}) =>
      startWorker(temporal, {
        elementId,
        elements,
        registry,
        changes: catalogue.changes,
        journal: catalogue.journal,
        openLock: (id, signal) => openElementLock(catalogue.url, id, { signal }),
        ...faults,
      }),
    startGroup: (groupId, uploads) => startGroup(temporal.client, elementId, { groupId, uploads }),
    async [Symbol.asyncDispose]() {
      await catalogue[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function startWorker(
  temporal: TemporalHarness,
  parts: Pick<
    ElementWorkerOptions,
    'elementId' | 'elements' | 'registry' | 'changes' | 'journal' | 'openLock'
  > &
    WorkerFaults,
): Promise<AsyncDisposable> {
  const stopping = new AbortController();
  const { promise: serving, resolve: onServing } = Promise.withResolvers<void>();
  const running = runElementWorker({
    connection: temporal.connection,
    namespace: testStack().temporalNamespace,
    workflowBundle: temporal.workflowBundle,
    directory: createTemporalWorkflowDirectory(temporal.client.workflow),
    logger: quietLogger,
    signal: stopping.signal,
    onServing,
    ...parts,
  });
  await Promise.race([serving, running]);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

function startGroup(
  client: Client,
  elementId: ElementId,
  group: { readonly groupId: GroupId; readonly uploads: readonly StagedUpload[] },
) {
  const { groupId, uploads } = group;
  return client.workflow.start<(input: unknown) => Promise<StoreFilesResult>>(
    workflowTypes.storeFiles,
    {
      workflowId: storeFilesWorkflowId(groupId),
      taskQueue: elementTaskQueue(elementId),
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      args: [{ groupId, fileIds: uploads.map(({ fileId }) => fileId) }],
    },
  );
}

function describeUpload(fileId: FileId, elementId: ElementId, checksum: string): StagedUpload {
  const createdAt = parseInstant('2026-01-13T08:17:28.123456Z')!;
  const originalFilename = 'Договор поставки №127.pdf';
  const username = 'ivanov';
  const location = chooseStorageName({ originalFilename, username, createdAt, fileId });
  const sidecar = JSON.stringify(
    createAttributes({
      ...location,
      fileId,
      originalFilename,
      checksum,
      createdAt,
      contentType: 'application/pdf',
      sizeBytes: contentBytes,
      createdBy: { id: newAccountId(), username, fullname: null },
      fields: { description: null, version: null, tags: [], metadata: {}, customAttributes: {} },
      retention: { policy: 'temporary', ttlDays: 30 },
    }),
  );
  return {
    fileId,
    elementId,
    sidecar,
    sidecarDigest: createHash('sha256').update(sidecar).digest('hex'),
    storagePath: location.storagePath,
    storageFilename: location.storageFilename,
    sizeBytes: contentBytes,
    fingerprint: createHash('sha256').update(fileId).digest('hex'),
  };
}

async function* chunksOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

const patienceMs = 60_000;

/** Waits for a condition with a generous bound. */
export async function until(what: string, isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const givenUpAt = Date.now() + patienceMs;
  while (!(await isTrue())) {
    if (Date.now() > givenUpAt) throw new Error(`it did not come to this: ${what}`);
    await delay(25);
  }
}

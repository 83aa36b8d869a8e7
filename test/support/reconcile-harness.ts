import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, readFile, readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { ReconcileElementPorts } from '#activities/reconcile-element-activities.ts';
import type { OperationId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Operation } from '#domain/operations.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';
import { newRun } from '#domain/reconcile/reconcile-run.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { createTemporalElementMaintenance } from '#infra/temporal/temporal-element-maintenance.ts';
import { openChangeHarness, type ChangeHarness } from '#test/support/change-harness.ts';
import { until, type TemporalHarness, type WorkerFaults } from '#test/support/element-harness.ts';
import { newAccountId } from '#test/support/stored-files.ts';
import { composeReconcile } from '#workers/compose-reconcile.ts';
import {
  elementTaskQueue,
  reconcileElementWorkflowId,
  workflowTypes,
  type ReconcileElementInput,
  type ReconcileStanding,
} from '#workflows/messages.ts';

export type ReconcilePace = NonNullable<ReconcileElementPorts['pace']>;

export interface ReconcileWorkerOptions extends Pick<WorkerFaults, 'wrapActivities' | 'sweepAges'> {
  readonly pace?: ReconcilePace;
}

export interface Reconciled {
  readonly operation: Operation;
  readonly findings: readonly OperationFailure[];
  /** `code path`, in order. */
  readonly found: readonly string[];
}

export interface StartedReconciliation {
  readonly operationId: OperationId;
  readonly handle: WorkflowHandle;
}

export interface ReconcileHarness extends AsyncDisposable {
  readonly world: ChangeHarness;
  readonly root: string;
  startWorker(options?: ReconcileWorkerOptions): Promise<AsyncDisposable>;
  start(apply: boolean): Promise<StartedReconciliation>;
  /** As a run goes on that has grown too long. */
  startAnew(): Promise<StartedReconciliation>;
  /** When it has ended. */
  findEnd(started: StartedReconciliation): Promise<Reconciled>;
  /** Start and end. */
  run(apply: boolean): Promise<Reconciled>;
  /** A file behind everybody's back, last changed so many hours ago. */
  put(path: string, content: string | Uint8Array, hoursAgo?: number): Promise<void>;
  /** Everything on the disk, and everything that the catalogue knows of files. */
  takeSnapshot(): Promise<Snapshot>;
  setMode(mode: 'edit' | 'rw' | 'ro' | 'ar'): Promise<void>;
  /** What stands in quarantine, each with what its reason says. */
  listQuarantine(): Promise<readonly QuarantinedContent[]>;
}

export interface QuarantinedContent {
  readonly content: string;
  readonly reason: JsonObject;
}

export interface Snapshot {
  readonly disk: Readonly<Record<string, string>>;
  readonly rows: readonly unknown[];
  readonly events: readonly unknown[];
  readonly counters: readonly unknown[];
}

const codec = openAttributesCodec();
const hourMs = 3_600_000;

/** What would only make tests slow. */
export const quickPace: ReconcilePace = { pauseMs: 1 };

export async function openReconcileHarness(temporal: TemporalHarness): Promise<ReconcileHarness> {
  const world = await openChangeHarness(temporal);
  const { harness } = world;
  const { root, elementId, catalogue } = harness;
  const { database, journal, operations } = catalogue;
  const failures = new PostgresOperationFailures(database);
  const maintenance = createTemporalElementMaintenance({
    client: temporal.client,
    journal,
    operations,
  });
  const handles: WorkflowHandle[] = [];

  async function start(apply: boolean): Promise<StartedReconciliation> {
    const operationId = randomUUID() as string as OperationId;
    const startedBy = newAccountId();
    await maintenance.startReconciliation({ operationId, elementId, startedBy, apply });
    const handle = temporal.client.workflow.getHandle(reconcileElementWorkflowId(elementId));
    handles.push(handle);
    return { operationId, handle };
  }

  async function startAnew(): Promise<StartedReconciliation> {
    const operationId = randomUUID() as string as OperationId;
    const workflowId = reconcileElementWorkflowId(elementId);
    await journal.openOperation({
      operationId,
      kind: workflowTypes.reconcileElement,
      subject: { type: 'storage_element', id: elementId },
      startedBy: newAccountId(),
      workflowId,
      elementId,
      input: { apply: true },
    });
    const { createdAt: startedAt } = (await operations.findOperation(operationId))!;
    const resume: ReconcileStanding = {
      apply: true,
      startedAt,
      rowCount: 0,
      run: newRun,
      repair: null,
    };
    const input: ReconcileElementInput = { operationId, elementId, resume };
    const handle = await temporal.client.workflow.start(workflowTypes.reconcileElement, {
      workflowId,
      taskQueue: elementTaskQueue(elementId),
      args: [input],
    });
    handles.push(handle);
    return { operationId, handle };
  }

  async function findEnd({ operationId, handle }: StartedReconciliation): Promise<Reconciled> {
    let operation: Operation | null = null;
    await until('the reconciliation has ended', async () => {
      operation = await operations.findOperation(operationId);
      const { status } = await handle.describe();
      return operation !== null && operation.finishedAt !== null && status.name !== 'RUNNING';
    });
    const { failures: findings } = await failures.listFailures(operationId, {
      limit: 1000,
      after: null,
    });
    const found = findings.map(({ code, path }) => `${code} ${path}`).sort();
    return { operation: operation!, findings, found };
  }

  return {
    world,
    root,
    startWorker: ({ pace = quickPace, ...faults } = {}) =>
      harness.startWorker({ ...faults, reconcile: { ...composeReconcile(database, codec), pace } }),
    start,
    startAnew,
    findEnd,
    run: async (apply) => findEnd(await start(apply)),
    async put(path, content, hoursAgo = 0) {
      const full = join(root, path);
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, content);
      const at = new Date(Date.now() - hoursAgo * hourMs);
      await utimes(full, at, at);
    },
    async takeSnapshot() {
      return {
        disk: await readTree(root),
        rows: await database.query({ text: 'select * from files order by file_id' }),
        events: await database.query({ text: 'select sequence from outbox order by sequence' }),
        counters: await database.query({ text: 'select * from storage_elements order by 1' }),
      };
    },
    async setMode(mode) {
      const text = 'update storage_elements set mode = $2 where element_id = $1';
      await database.query({ text }, [elementId, mode]);
    },
    listQuarantine: () => readQuarantine(join(root, '.artstore', 'quarantine')),
    async [Symbol.asyncDispose]() {
      // Ended or not there any more: both are good.
      for (const handle of handles) await handle.terminate().catch(() => undefined);
      await world[Symbol.asyncDispose]();
    },
  };
}

async function readQuarantine(folder: string): Promise<QuarantinedContent[]> {
  const found: QuarantinedContent[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory() || entry.name.endsWith('.json')) continue;
    const path = join(entry.parentPath, entry.name);
    const reason = JSON.parse(await readFile(`${path}.json`, 'utf8')) as JsonObject;
    found.push({ content: await readFile(path, 'utf8'), reason });
  }
  return found;
}

async function readTree(root: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const stats = await lstat(path);
    const bytes = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : '';
    const shown = path.slice(root.length + 1);
    tree[shown] =
      `${stats.mode} ${entry.isDirectory() ? '' : stats.mtimeMs} ${stats.size} ${bytes}`;
  }
  return tree;
}

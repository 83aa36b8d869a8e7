import test from 'ava';
import type { FileId, OperationId } from '#domain/ids.ts';
import type { Operation } from '#domain/operations.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import { startCatalogueWorker } from '#test/support/catalogue-worker.ts';
import {
  newOperationId,
  openChangeHarness,
  type ChangeHarness,
} from '#test/support/change-harness.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { newAccountId, newFileId } from '#test/support/stored-files.ts';

const inLane = createLanes(3);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const withFiles = (run: (world: ChangeHarness) => Promise<void>): Promise<void> =>
  inLane(async () => {
    await using world = await openChangeHarness(temporal);
    await run(world);
  });

interface Item {
  readonly file_id: FileId;
  readonly outcome: string;
  readonly operation_id: OperationId | null;
  readonly code: string | null;
}

const itemsOf = ({ result }: Operation): Item[] =>
  (result as { items: Item[] } | null)?.items ?? [];

async function findOperation(world: ChangeHarness, operationId: OperationId): Promise<Operation> {
  return (await world.harness.catalogue.operations.findOperation(operationId))!;
}

async function awaitEnd(world: ChangeHarness, operationId: OperationId): Promise<Operation> {
  await until('the batch ends', async () => {
    return (await findOperation(world, operationId)).finishedAt !== null;
  });
  return findOperation(world, operationId);
}

const makeBatch = (fileIds: readonly FileId[], graceMs = 0) => ({
  operationId: newOperationId(),
  fileIds,
  startedBy: newAccountId(),
  onlyCreatedBy: null,
  graceMs,
});

test('a batch says of each file what became of it', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    await using catalogueWorker = await startCatalogueWorker(temporal, world.harness);
    const free = await world.storeFiles(17);
    const held = await world.storeFile({ retention: 'unreadable' });
    const pending = await world.storeFile();
    const running = world.makeDeletion(pending, { graceMs: 3_600_000 });
    await world.lifecycle.deleteFile(running);
    const unknown = newFileId();
    const batch = makeBatch([held, ...free, unknown, pending]);
    t.is(await world.lifecycle.deleteFiles(batch), batch.operationId);
    const operation = await awaitEnd(world, batch.operationId);
    t.like(operation, {
      kind: 'batchDelete',
      state: 'completed',
      workflowId: `batch/${batch.operationId}`,
      progress: { done: 17, failed: 3, skipped: 0, total: 20 },
    });
    const items = itemsOf(operation);
    t.deepEqual(
      items.map(({ file_id }) => file_id),
      batch.fileIds,
    );
    t.deepEqual(
      items.map(({ outcome, code }) => code ?? outcome),
      [
        'RETENTION_FORBIDS_DELETION',
        ...free.map(() => 'deleted'),
        'FILE_NOT_FOUND',
        'FILE_NOT_FOUND',
      ],
    );
    const own = await findOperation(world, items[1]!.operation_id!);
    t.like(own, { kind: 'deleteFile', state: 'completed', startedBy: batch.startedBy });
    t.is((await world.harness.readElement()).whole.length, 2);
    await world.lifecycle.cancelOperation(await findOperation(world, running.operationId));
    await awaitEnd(world, running.operationId);
    void worker;
    void catalogueWorker;
  }));

test('who may delete only what is his own gets no further with a batch', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    await using catalogueWorker = await startCatalogueWorker(temporal, world.harness);
    const me = newAccountId();
    const [mine, others] = [await world.storeFile({ created_by_id: me }), await world.storeFile()];
    const batch = { ...makeBatch([mine, others]), startedBy: me, onlyCreatedBy: me };
    await world.lifecycle.deleteFiles(batch);
    const operation = await awaitEnd(world, batch.operationId);
    t.deepEqual(
      itemsOf(operation).map(({ outcome, code }) => code ?? outcome),
      ['deleted', 'FORBIDDEN'],
    );
    void worker;
    void catalogueWorker;
  }));

test('progress is seen while it goes on, and a cancel stops what has not begun', (t) =>
  withFiles(async (world) => {
    const gate = createGate();
    await using worker = await world.harness.startWorker({
      wrapActivities: around('removeContent', async (step, call) => {
        if (call > 3) await gate.pass();
        return step();
      }),
    });
    await using catalogueWorker = await startCatalogueWorker(temporal, world.harness);
    const files = await world.storeFiles(30);
    const batch = makeBatch(files);
    await world.lifecycle.deleteFiles(batch);
    await until('the first are done', async () => {
      return (await findOperation(world, batch.operationId)).progress?.done === 3;
    });
    const operation = await findOperation(world, batch.operationId);
    t.like(operation, { state: 'running', progress: { total: 30, failed: 0 } });
    await world.lifecycle.cancelOperation(operation);
    gate.open();
    const ended = await awaitEnd(world, batch.operationId);
    t.is(ended.state, 'cancelled');
    const { done, skipped, failed } = ended.progress!;
    t.is(failed, 0);
    t.is(done + skipped, 30);
    t.true(done >= 3 && skipped >= 30 - 3 - 8, `${done} done, ${skipped} skipped`);
    t.is((await world.harness.readElement()).whole.length, skipped);
    const present = await world.harness.catalogue.changes.findPresent(files);
    t.is(present.size, skipped);
    void worker;
    void catalogueWorker;
  }));

test('a cancel in the grace period brings all files back', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    await using catalogueWorker = await startCatalogueWorker(temporal, world.harness);
    const files = await world.storeFiles(10);
    const batch = makeBatch(files, 3_600_000);
    await world.lifecycle.deleteFiles(batch);
    await until('all are hidden', async () => {
      const rows = await Promise.all(files.map((fileId) => world.findRow(fileId)));
      return rows.every((row) => row === null);
    });
    await world.lifecycle.cancelOperation(await findOperation(world, batch.operationId));
    const ended = await awaitEnd(world, batch.operationId);
    t.like(ended, { state: 'cancelled', progress: { done: 0, skipped: 10, total: 10 } });
    const rows = await Promise.all(files.map((fileId) => world.findRow(fileId)));
    t.true(rows.every((row) => row !== null));
    const own = await findOperation(world, itemsOf(ended)[0]!.operation_id!);
    t.is(own.state, 'cancelled');
    void worker;
    void catalogueWorker;
  }));

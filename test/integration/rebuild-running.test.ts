import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import type { RebuildBatch } from '#domain/ports/catalogue-rebuild.ts';
import { openChangeHarness } from '#test/support/change-harness.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import {
  codec,
  createRebuilds,
  openRebuildHarness,
  putFile,
  sha256Hex,
  startRebuildWorker,
  type RebuildHarness,
} from '#test/support/rebuild-harness.ts';
import { playRebuild, rebuildScenarios } from '#test/support/rebuild-scenarios.ts';
import { newGroupId } from '#test/support/stored-files.ts';
import {
  deleteFileWorkflowId,
  elementTaskQueue,
  sweepElementId,
  workflowTypes,
} from '#workflows/messages.ts';

const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

for (const scenario of rebuildScenarios) {
  test(`rebuilding: ${scenario.name}`, (t) =>
    inLane(async () => {
      const { operation, rows } = await playRebuild(temporal, scenario);
      t.is(operation?.state, scenario.ends);
      t.is(rows, scenario.rows);
      if (scenario.ends === 'completed') {
        t.deepEqual(operation?.progress, { done: rows, failed: 0, skipped: 0, total: rows });
        t.is(typeof operation?.result?.['listing_digest'], 'string');
      }
      if (scenario.name === 'cancelled') {
        t.is(operation?.error?.code, 'OPERATION_CANCELLED');
        t.like(operation?.result, { added: rows });
      }
    }));
}

/** Until the activity that asks is to end. */
async function cancelled(): Promise<void> {
  await Context.current().cancelled.catch(() => undefined);
}

async function countRows({ catalogue }: Pick<RebuildHarness, 'catalogue'>): Promise<number> {
  const [row] = await catalogue.database.query<{ count: number }>({
    text: 'select count(*) as count from files',
  });
  return row!.count;
}

test('the digest is over id, element, path and sidecar in the order of the ids', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const [one, two] = [await harness.addElement(), await harness.addElement()];
    const nil = '00000000-0000-0000-0000-000000000000';
    const files = [
      await putFile(one, { file_id: nil }),
      await putFile(one),
      await putFile(one),
      await putFile(one, {}, { storagePath: '' }),
    ];
    await putFile(two);
    const hidden = await putFile(one);
    await using workerOne = await harness.startWorker(one);
    await using workerTwo = await harness.startWorker(two);
    await harness.runRebuild(two);
    const { result } = await harness.runRebuild(one);
    await harness.catalogue.database.query(
      { text: 'update files set tombstoned_at = now() where file_id = $1' },
      [hidden.fileId],
    );
    const lines = files
      .map(
        ({ fileId, storagePath, storageFilename, sidecarDigest }) =>
          `${fileId}\t${one.elementId}\t${storagePath}${storageFilename}\t${sidecarDigest}\n`,
      )
      .sort();
    t.is(await harness.digest(one), sha256Hex(lines.join('')));
    t.not(result?.['listing_digest'], sha256Hex(lines.join('')));
    void [workerOne, workerTwo];
  }));

test('one at a time for each element; progress is live; a cancel ends after the batch', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement();
    for (let index = 0; index < 6; index += 1) await putFile(element);
    let batches = 0;
    await using worker = await harness.startWorker(element, {
      pace: { batchFiles: 2 },
      async beforeBatch() {
        batches += 1;
        if (batches === 2) await cancelled();
      },
    });
    const started = await harness.startRebuild(element);
    const { operationId, handle } = started;
    await until('the second batch is being written', () => batches === 2);
    const running = await harness.catalogue.operations.findOperation(operationId);
    t.like(running, { state: 'running', progress: { done: 2, failed: 0, skipped: 0, total: 2 } });
    const error = await t.throwsAsync(harness.startRebuild(element));
    t.true(isDomainError(error, 'OPERATION_IN_PROGRESS'));
    t.is(isDomainError(error) ? error.details.operationId : null, operationId);
    await handle.cancel();
    const operation = await harness.findEnded(started);
    t.is(operation.state, 'cancelled');
    const rows = await countRows(harness);
    t.deepEqual(operation.progress, { done: rows, failed: 0, skipped: 0, total: rows });
    t.is(rows, 4, 'the batch that was being written stays');
    void worker;
  }));

test('ended by hand, its operation ends as failed, and the next goes over everything', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement();
    const { elementId } = element;
    for (let index = 0; index < 4; index += 1) await putFile(element);
    let batches = 0;
    await using worker = await harness.startWorker(element, {
      pace: { batchFiles: 2 },
      sweepAges: { stalledGroupIdleMs: 0 },
      async beforeBatch() {
        batches += 1;
        if (batches === 2) await cancelled();
      },
    });
    const started = await harness.startRebuild(element);
    await until('the second batch is being written', () => batches === 2);
    const sweep = (number: number): Promise<unknown> =>
      temporal.client.workflow.execute(workflowTypes.sweepElement, {
        taskQueue: elementTaskQueue(elementId),
        workflowId: `${sweepElementId(elementId)}-${started.operationId}-${number}`,
        args: [{ elementId }],
      });
    await sweep(1);
    const { operations } = harness.catalogue;
    t.is((await operations.findOperation(started.operationId))?.state, 'running');
    await started.handle.terminate('by hand');
    await sweep(2);
    t.like(await operations.findOperation(started.operationId), {
      state: 'failed',
      error: { code: 'WORKFLOWS_UNAVAILABLE' },
      result: { added: 2 },
    });
    t.like((await harness.runRebuild(element)).result, { added: 2, unchanged: 2 });
    void worker;
  }));

test('an element that goes away is waited for, and nothing is said to be missing', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement();
    for (let index = 0; index < 4; index += 1) await putFile(element);
    const marker = join(element.root, '.artstore', 'element.json');
    const content = await readFile(marker);
    await unlink(marker);
    await using worker = await harness.startWorker(element);
    const started = await harness.startRebuild(element);
    await until('it is tried again', async () => {
      const { raw } = await started.handle.describe();
      return (raw.pendingActivities ?? []).some((activity) => (activity.attempt ?? 0) >= 2);
    });
    await writeFile(marker, content);
    const operation = await harness.findEnded(started);
    t.like(operation, { state: 'completed', progress: { done: 4, failed: 0 } });
    t.deepEqual(await harness.listFailures(operation.operationId), []);
    void worker;
  }));

test('what another writes between reading and writing wins, and counts as what it is then', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement();
    const other = await harness.addElement();
    const files = [await putFile(element), await putFile(element), await putFile(element)];
    const { database } = harness.catalogue;
    await using otherWorker = await harness.startWorker(other);
    let calls = 0;
    await using worker = await harness.startWorker(element, {
      async beforeBatch() {
        calls += 1;
        if (calls !== 1) return;
        // One is deleted by then, the other stands elsewhere with a higher revision.
        await database.query(
          {
            text: `insert into tombstones (file_id, checksum, deleted_by, deleted_at, operation_id,
            element_id, storage_path, storage_filename, original_filename, file_size,
            sidecar_digest) values ($1, '', $1, now(), $1, '', '', '', '', 0, '')`,
          },
          [files[0]!.fileId],
        );
        await putFile(other, { file_id: files[1]!.fileId, revision: 9 });
        await harness.runRebuild(other);
      },
    });
    const operation = await harness.runRebuild(element);
    t.true(calls > 1);
    t.like(operation.result, { added: 1, tombstoned: 1, duplicates: 1 });
    t.deepEqual(operation.progress, { done: 1, failed: 1, skipped: 1, total: 3 });
    t.deepEqual(
      (await harness.listFailures(operation.operationId)).map(({ code, fileId }) => [code, fileId]),
      [['DUPLICATE_FILE_ID', files[1]!.fileId]],
    );
    t.is(await countRows(harness), 2);
    void [worker, otherWorker];
  }));

test('a change and a deletion after a sidecar was read are seen for what they are', (t) =>
  inLane(async () => {
    await using world = await openChangeHarness(temporal);
    const { harness } = world;
    const { catalogue, elementId } = harness;
    const rebuilds = createRebuilds(temporal, catalogue);
    const [changed, deleted] = await world.storeFiles(2);
    let asked = 0;
    await using worker = await startRebuildWorker({
      ...temporal,
      elementId,
      databaseUrl: catalogue.url,
      async beforeStandings() {
        asked += 1;
        if (asked !== 1) return;
        await world.lifecycle.updateAttributes(await world.makeChange(changed!, 'новое'));
        await world.lifecycle.deleteFile(world.makeDeletion(deleted!));
        await temporal.client.workflow.getHandle(deleteFileWorkflowId(deleted!)).result();
      },
    });
    const operation = await rebuilds.runRebuild(harness);
    t.like(operation.result, { added: 0, updated: 0, unchanged: 1, tombstoned: 1, changed: 0 });
    t.deepEqual(await rebuilds.listFailures(operation.operationId), []);
    t.is(await countRows({ catalogue }), 1);
    void worker;
  }));

test('whoever does not know where the rebuild stands writes nothing', (t) =>
  inLane(async () => {
    await using harness = await openRebuildHarness(temporal);
    const element = await harness.addElement();
    const { rebuild } = harness;
    await putFile(element);
    const batches: RebuildBatch[] = [];
    await using worker = await harness.startWorker(element, {
      async beforeBatch(batch) {
        batches.push(batch);
        // As a second attempt that was thought dead.
        t.is(await rebuild.applyBatch(batch), 'applied');
      },
    });
    const operation = await harness.runRebuild(element);
    t.is(operation.state, 'completed');
    t.like(operation.result, { added: 1, unchanged: 0 });
    t.is(await countRows(harness), 1);
    t.is(await harness.usedBytes(element), 15);
    // When it has ended, nobody writes any more.
    await harness.catalogue.database.query({ text: 'delete from files' });
    t.is(await rebuild.applyBatch(batches[0]!), 'run-changed');
    t.is(await countRows(harness), 0);
    void worker;
  }));

test('uploads, changes and deletions go on while it runs, and none is taken for damage', (t) =>
  inLane(async () => {
    await using world = await openChangeHarness(temporal);
    const { harness } = world;
    const { catalogue, elementId } = harness;
    const rebuilds = createRebuilds(temporal, catalogue);
    t.teardown(() => rebuilds.endAll());
    const old = await world.storeFiles(60);
    // A third of the rows is lost, and so there is something to do.
    const lost = old.slice(0, 20);
    await catalogue.database.query(
      {
        text: `with lost as (delete from files where file_id = any($1::uuid[]) returning file_size)
        update storage_elements set used_bytes = used_bytes - (select sum(file_size) from lost)
        where element_id = $2`,
      },
      [lost, elementId],
    );
    await using worker = await startRebuildWorker({
      ...temporal,
      elementId,
      databaseUrl: catalogue.url,
      pace: { batchFiles: 7, turnMs: 100 },
    });
    const uploaded: FileId[] = [];
    const deleted: FileId[] = [];
    const changed: FileId[] = [];
    async function upload(): Promise<void> {
      const uploads = await harness.stageMany(2);
      await (await harness.startGroup(newGroupId(), uploads)).result();
      uploaded.push(...uploads.map(({ fileId }) => fileId));
    }
    async function remove(fileId: FileId): Promise<void> {
      await world.lifecycle.deleteFile(world.makeDeletion(fileId));
      await temporal.client.workflow.getHandle(deleteFileWorkflowId(fileId)).result();
      deleted.push(fileId);
    }
    async function change(fileId: FileId): Promise<void> {
      const outcome = await world.lifecycle.updateAttributes(
        await world.makeChange(fileId, 'новое описание'),
      );
      t.is(outcome.kind, 'changed');
      changed.push(fileId);
    }
    let isOver = false;
    const busy = (async () => {
      for (let index = 20; index < 44 || !isOver; index += 2) {
        const [first, second] = [old[index], old[index + 1]];
        if (first === undefined || second === undefined) return;
        await Promise.all([upload(), remove(first), change(second)]);
      }
    })();
    const results = [];
    for (let round = 0; round < 4; round += 1) results.push(await rebuilds.runRebuild(harness));
    isOver = true;
    await busy;
    for (const operation of results) {
      t.is(operation.state, 'completed');
      t.deepEqual(await rebuilds.listFailures(operation.operationId), []);
    }
    t.like(results[0]!.result, { added: lost.length, updated: 0 });

    // At rest, the element and the catalogue say the same.
    const last = await rebuilds.runRebuild(harness);
    const files = old.length + uploaded.length - deleted.length;
    t.deepEqual(last.progress, { done: files, failed: 0, skipped: 0, total: files });
    t.like(last.result, { added: 0, updated: 0, unchanged: files });
    t.is(await countRows({ catalogue }), files);
    for (const fileId of deleted) t.is(await world.findRow(fileId), null);
    for (const fileId of changed) {
      const row = await world.findRow(fileId);
      t.is(codec.parseAttributes(row!.attributes).description, 'новое описание');
    }
    t.is(await rebuilds.usedBytes(harness), files * 4096);
    void worker;
  }));

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { isDomainError, type ErrorCode } from '#domain/errors.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import { openChangeHarness, type ChangeHarness } from '#test/support/change-harness.ts';
import {
  contentBytes,
  openTemporalHarness,
  until,
  type TemporalHarness,
} from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';

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

const ended = (world: ChangeHarness, operationId: Parameters<ChangeHarness['findStanding']>[0]) =>
  until('the operation ends', async () => (await world.findStanding(operationId))!.isFinished);

async function codeOf(answer: Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await answer;
    return null;
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return error.code;
  }
}

test('a deleted file is gone from the element, the catalogue and the count of bytes', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const [fileId, other] = await world.storeFiles(2);
    const row = (await world.findRow(fileId!))!;
    const deletion = world.makeDeletion(fileId!);
    t.is(await world.lifecycle.deleteFile(deletion), deletion.operationId);
    t.is(await world.findRow(fileId!), null);
    await ended(world, deletion.operationId);

    const report = await world.harness.readElement();
    t.deepEqual(
      report.whole.map((file) => file.file_id),
      [other],
    );
    t.deepEqual(
      [report.content_without_sidecar, report.sidecar_without_content, report.staging],
      [[], [], []],
    );
    t.deepEqual(await world.harness.counters(), { usedBytes: contentBytes, reservedBytes: 0 });
    t.deepEqual(await world.eventsOf(fileId!), [
      'file.stored',
      'file.deletion_started',
      'file.deleted',
    ]);
    const { database, operations, files } = world.harness.catalogue;
    const [tombstone] = await database.query<Record<string, unknown>>(
      { text: 'select * from tombstones where file_id = $1' },
      [fileId],
    );
    t.like(tombstone, {
      checksum: (JSON.parse(row.attributes) as { checksum: string }).checksum,
      deleted_by: deletion.startedBy,
      operation_id: deletion.operationId,
      sidecar_digest: row.sidecarDigest,
      file_size: contentBytes,
    });
    t.is(await files.findDeletedAt(fileId!), tombstone!['deleted_at'] as never);
    t.like(await operations.findOperation(deletion.operationId), {
      kind: 'deleteFile',
      state: 'completed',
      workflowId: `delete-file/${fileId}`,
    });
    t.is(await codeOf(world.lifecycle.deleteFile(world.makeDeletion(fileId!))), 'FILE_NOT_FOUND');
    void worker;
  }));

test('many who delete one file at once are given the same operation', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const deletions = Array.from({ length: 8 }, () =>
      world.makeDeletion(fileId, { graceMs: 60_000 }),
    );
    const ids = await Promise.all(deletions.map((it) => world.lifecycle.deleteFile(it)));
    t.is(new Set(ids).size, 1);
    t.true(deletions.some(({ operationId }) => operationId === ids[0]));
    t.is(await world.lifecycle.deleteFile(world.makeDeletion(fileId)), ids[0]!);
    const operation = await world.harness.catalogue.operations.findOperation(ids[0]!);
    await world.lifecycle.cancelOperation(operation!);
    await ended(world, ids[0]!);
    void worker;
  }));

test('in the grace period readers do not find the file, and a cancel brings it back', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const before = await world.findRow(fileId);
    const deletion = world.makeDeletion(fileId, { graceMs: 3_600_000 });
    const operationId = await world.lifecycle.deleteFile(deletion);
    t.is(await world.findRow(fileId), null);
    t.not(await world.harness.catalogue.files.findDeletedAt(fileId), null);
    t.is((await world.harness.readElement()).whole.length, 1);
    const operation = await world.harness.catalogue.operations.findOperation(operationId);
    t.is(operation?.state, 'running');
    await world.lifecycle.cancelOperation(operation!);
    await ended(world, operationId);
    t.like(await world.findStanding(operationId), {
      state: 'cancelled',
      error: { code: 'OPERATION_CANCELLED' },
    });
    t.deepEqual(await world.findRow(fileId), before);
    t.deepEqual(await world.eventsOf(fileId), [
      'file.stored',
      'file.deletion_started',
      'file.deletion_cancelled',
    ]);
    t.like(await world.lifecycle.updateAttributes(await world.makeChange(fileId, 'again')), {
      kind: 'changed',
    });
    void worker;
  }));

test('the grace period ends by itself', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const deletion = world.makeDeletion(fileId, { graceMs: 50 });
    await world.lifecycle.deleteFile(deletion);
    await ended(world, deletion.operationId);
    t.is((await world.findStanding(deletion.operationId))?.state, 'completed');
    t.is((await world.harness.readElement()).whole.length, 0);
    void worker;
  }));

test('mode, retention and a precondition refuse, and the file stays as it is', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const { database } = world.harness.catalogue;
    const hold = { id: 'h', reason: 'суд', placed_by: 'x', placed_at: '2026-01-01T00:00:00+00:00' };
    const held = await world.storeFile({ retention: { policy: 'temporary', legal_holds: [hold] } });
    const kept = await world.storeFile({
      retention: { policy: 'permanent', retain_until: '2999-01-01T00:00:00+00:00' },
    });
    const locked = await world.storeFile({ retention: 'unreadable' });
    const free = await world.storeFile({ retention: { policy: 'permanent' } });
    for (const fileId of [held, kept, locked]) {
      const refusal = await codeOf(world.lifecycle.deleteFile(world.makeDeletion(fileId)));
      t.is(refusal, 'RETENTION_FORBIDS_DELETION');
    }
    const stale = world.makeDeletion(free, { expectedDigest: 'f'.repeat(64) });
    t.is(await codeOf(world.lifecycle.deleteFile(stale)), 'PRECONDITION_FAILED');
    await database.query(
      { text: `update storage_elements set mode = 'rw' where element_id = $1` },
      [world.harness.elementId],
    );
    const refusal = await codeOf(world.lifecycle.deleteFile(world.makeDeletion(free)));
    t.is(refusal, 'MODE_FORBIDS_OPERATION');
    t.is((await world.harness.readElement()).whole.length, 4);
    for (const fileId of [held, kept, locked, free]) t.not(await world.findRow(fileId), null);
    await database.query(
      { text: `update storage_elements set mode = 'edit' where element_id = $1` },
      [world.harness.elementId],
    );
    t.is(await codeOf(world.lifecycle.deleteFile(world.makeDeletion(free))), null);
    void worker;
  }));

test('what was put in the place of the sidecar by hand stays, and so does the file', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const row = (await world.findRow(fileId))!;
    await world.harness.element.writeSidecars([
      { ...row, fileId, sidecar: '{"by": "hand"}', expectedDigest: row.sidecarDigest },
    ]);
    const deletion = world.makeDeletion(fileId);
    await world.lifecycle.deleteFile(deletion);
    await ended(world, deletion.operationId);
    t.like(await world.findStanding(deletion.operationId), {
      state: 'failed',
      error: { code: 'SIDECAR_CORRUPT' },
    });
    t.not(await world.findRow(fileId), null);
    const place = join(world.harness.root, row.storagePath, row.storageFilename);
    t.is((await readFile(place)).length, contentBytes);
    void worker;
  }));

test('a cancel after the commit point comes too late', (t) =>
  withFiles(async (world) => {
    const gate = createGate();
    await using worker = await world.harness.startWorker({
      wrapActivities: around('removeContent', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const fileId = await world.storeFile();
    const deletion = world.makeDeletion(fileId);
    await world.lifecycle.deleteFile(deletion);
    await gate.reached;
    const operation = await world.harness.catalogue.operations.findOperation(deletion.operationId);
    await world.lifecycle.cancelOperation(operation!);
    gate.open();
    await ended(world, deletion.operationId);
    t.is((await world.findStanding(deletion.operationId))?.state, 'completed');
    t.is((await world.harness.readElement()).content_without_sidecar.length, 0);
    void worker;
  }));

import test from 'ava';
import type { FileId } from '#domain/ids.ts';
import { updateAttributesWorkflowId } from '#workflows/messages.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import {
  newOperationId,
  openChangeHarness,
  type ChangeHarness,
} from '#test/support/change-harness.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
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

/** The one file of the element, as a stranger reads it. */
async function readOnly({ harness }: ChangeHarness) {
  const report = await harness.readElement();
  const [file] = report.whole;
  const { staging, temporary, damaged } = report;
  return {
    description: file?.sidecar['description'],
    digest: file?.sidecar_sha256,
    staging,
    temporary,
    damaged,
  };
}

test('a change is on the element, in the catalogue and in the feed when it is answered', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const change = await world.makeChange(fileId, 'новое описание');
    t.deepEqual(await world.lifecycle.updateAttributes(change), { kind: 'changed' });
    t.deepEqual(await readOnly(world), {
      description: 'новое описание',
      digest: change.sidecarDigest,
      staging: [],
      temporary: [],
      damaged: [],
    });
    t.like(await world.findRow(fileId), {
      attributes: change.sidecar,
      sidecarDigest: change.sidecarDigest,
      state: 'stored',
    });
    t.deepEqual(await world.eventsOf(fileId), ['file.stored', 'file.attributes_changed']);
    const operation = await world.harness.catalogue.operations.findOperation(change.operationId);
    t.like(operation, {
      kind: 'updateAttributes',
      state: 'completed',
      error: null,
      startedBy: change.startedBy,
      subject: { type: 'file', id: fileId },
      workflowId: updateAttributesWorkflowId(change.operationId),
    });
    t.not(operation?.finishedAt, null);
    void worker;
  }));

test('of 50 changes made from one sidecar exactly one is done, and the others say why', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const first = await world.makeChange(fileId, 'change 0');
    const changes = await Promise.all(
      Array.from({ length: 50 }, (_, index) => world.makeChange(fileId, `change ${index}`)),
    );
    const outcomes = await Promise.all(changes.map((it) => world.lifecycle.updateAttributes(it)));
    const done = changes.filter((_, index) => outcomes[index]?.kind === 'changed');
    t.is(done.length, 1);
    t.is((await readOnly(world)).digest, done[0]?.sidecarDigest);
    t.is((await world.findRow(fileId))?.sidecarDigest, done[0]?.sidecarDigest);
    for (const outcome of outcomes) {
      if (outcome.kind !== 'failed') continue;
      const { failure, operationId } = outcome;
      t.true(failure.code === 'FILE_BUSY' || failure.code === 'PRECONDITION_FAILED', failure.code);
      if (failure.code === 'FILE_BUSY') t.is(operationId, done[0]?.operationId);
    }
    t.is((await world.eventsOf(fileId)).length, 2);
    void first;
    void worker;
  }));

test('who comes while another changes the file is told by which operation it is held', (t) =>
  withFiles(async (world) => {
    const gate = createGate();
    await using worker = await world.harness.startWorker({
      wrapActivities: around('writeSidecar', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const fileId = await world.storeFile();
    const [slow, late] = [
      await world.makeChange(fileId, 'slow'),
      await world.makeChange(fileId, 'late'),
    ];
    const answer = world.lifecycle.updateAttributes(slow);
    await gate.reached;
    t.like(await world.lifecycle.updateAttributes(late), {
      kind: 'failed',
      failure: { code: 'FILE_BUSY' },
      operationId: slow.operationId,
    });
    await t.throwsAsync(world.lifecycle.deleteFile(world.makeDeletion(fileId)), {
      message: /holds this file/,
    });
    gate.open();
    t.deepEqual(await answer, { kind: 'changed' });
    t.like(await world.findStanding(late.operationId), {
      state: 'failed',
      error: { code: 'FILE_BUSY' },
    });
    void worker;
  }));

test('a sidecar that was changed behind its back is not overwritten', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const stale = await world.makeChange(fileId, 'stale');
    await world.lifecycle.updateAttributes(await world.makeChange(fileId, 'first'));
    t.like(await world.lifecycle.updateAttributes(stale), {
      kind: 'failed',
      failure: { code: 'PRECONDITION_FAILED' },
    });
    const row = (await world.findRow(fileId))!;
    const [outcome] = await world.harness.element.writeSidecars([
      { ...row, fileId, sidecar: '{"by": "hand"}', expectedDigest: row.sidecarDigest },
    ]);
    t.true(outcome?.ok);
    const blind = await world.makeChange(fileId, 'blind');
    t.like(await world.lifecycle.updateAttributes(blind), {
      kind: 'failed',
      failure: { code: 'SIDECAR_CORRUPT' },
    });
    const bytes = await world.harness.element.readSidecar(row);
    t.is(Buffer.from(bytes).toString(), '{"by": "hand"}');
    t.like(await world.findStanding(blind.operationId), { state: 'failed' });
    void worker;
  }));

test('a file that is not there, or on an element that is frozen, is refused', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const change = await world.makeChange(fileId, 'x');
    const elsewhere = {
      ...change,
      operationId: newOperationId(),
      fileId: crypto.randomUUID() as FileId,
    };
    t.like(await world.lifecycle.updateAttributes(elsewhere), {
      kind: 'failed',
      failure: { code: 'FILE_NOT_FOUND' },
    });
    await world.harness.catalogue.database.query(
      { text: `update storage_elements set mode = 'ro' where element_id = $1` },
      [world.harness.elementId],
    );
    t.like(await world.lifecycle.updateAttributes(change), {
      kind: 'failed',
      failure: { code: 'MODE_FORBIDS_OPERATION' },
    });
    void worker;
  }));

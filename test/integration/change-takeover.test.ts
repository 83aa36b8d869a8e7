import test from 'ava';
import { around, createGate, failBefore } from '#test/support/activity-faults.ts';
import {
  newOperationId,
  openChangeHarness,
  type ChangeHarness,
} from '#test/support/change-harness.ts';
import {
  lookAtChange,
  newDescription,
  startDeletion,
  startUpdate,
} from '#test/support/change-workflows.ts';
import { changed, deleted } from '#test/support/change-scenarios.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { newAccountId } from '#test/support/stored-files.ts';
import { sweep } from '#test/support/sweep.ts';

const inLane = createLanes(3);
const sweepAges = { stalledGroupIdleMs: 0 };
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

/** The step happens, and whoever waits for it is never told. */
function stopAfter(name: 'claimFile' | 'writeSidecar' | 'moveSidecarAway') {
  const gate = createGate();
  const wrapActivities = around(name, async (step, call) => {
    const result = await step();
    if (call === 1) await gate.pass();
    return result;
  });
  return { gate, wrapActivities };
}

const lost = { operation: 'WORKFLOWS_UNAVAILABLE', file: 'old', row: 'old' } as const;

test('the claim of a workflow that ended by force before its pivot is taken over', (t) =>
  withFiles(async (world) => {
    const { gate, wrapActivities } = stopAfter('claimFile');
    await using worker = await world.harness.startWorker({ wrapActivities });
    const fileId = await world.storeFile();
    const first = await startUpdate(temporal, world, await world.makeChange(fileId, 'first'));
    await gate.reached;
    await first.handle.terminate('by hand');
    const second = await world.makeChange(fileId, newDescription);
    t.deepEqual(await world.lifecycle.updateAttributes(second), { kind: 'changed' });
    t.like(await world.findStanding(first.operationId), {
      state: 'failed',
      error: { code: 'WORKFLOWS_UNAVAILABLE' },
    });
    const aftermath = await lookAtChange(world, { ...first, ...second }, 'changed');
    t.deepEqual(aftermath, changed);
    gate.open();
    void worker;
  }));

test('what reached its pivot before it ended by force is brought into the catalogue first', (t) =>
  withFiles(async (world) => {
    const { gate, wrapActivities } = stopAfter('writeSidecar');
    await using worker = await world.harness.startWorker({ wrapActivities });
    const fileId = await world.storeFile();
    const late = await world.makeChange(fileId, 'late');
    const change = await world.makeChange(fileId, newDescription);
    const first = await startUpdate(temporal, world, change);
    await gate.reached;
    await first.handle.terminate('by hand');
    t.like(await world.lifecycle.updateAttributes(late), {
      kind: 'failed',
      failure: { code: 'PRECONDITION_FAILED' },
    });
    t.deepEqual(await lookAtChange(world, first, 'changed'), changed);
    t.deepEqual(await world.eventsOf(fileId), ['file.stored', 'file.attributes_changed']);
    gate.open();
    void worker;
  }));

test('the claim of a workflow that never was is taken over too, also by a deletion', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker();
    const { changes } = world.harness.catalogue;
    const fileId = await world.storeFile();
    const change = await world.makeChange(fileId, 'never');
    await changes.openAttributesChange(change, 'update-attributes/never');
    t.deepEqual(await changes.claimFile(change.operationId, change.expectedDigest), {
      kind: 'claimed',
    });
    const deletion = world.makeDeletion(fileId);
    await world.lifecycle.deleteFile(deletion);
    await until('it is deleted', async () => {
      return (await world.findStanding(deletion.operationId))?.state === 'completed';
    });
    t.is((await world.findStanding(change.operationId))?.state, 'failed');
    void worker;
  }));

test('the sweep ends a change that was ended by force, on either side of its pivot', (t) =>
  withFiles(async (world) => {
    for (const [step, expected] of [
      ['claimFile', { ...changed, ...lost }],
      ['writeSidecar', changed],
    ] as const) {
      const { gate, wrapActivities } = stopAfter(step);
      await using worker = await world.harness.startWorker({ wrapActivities, sweepAges });
      const fileId = await world.storeFile();
      const change = await world.makeChange(fileId, newDescription);
      const first = await startUpdate(temporal, world, change);
      await gate.reached;
      t.is((await sweep(temporal, world.harness)).settledCount, 0, 'it is running');
      await first.handle.terminate('by hand');
      t.is((await sweep(temporal, world.harness)).settledCount, 1);
      const aftermath = await lookAtChange(world, first, 'changed');
      t.deepEqual({ ...aftermath, usedFiles: 1 }, expected);
      t.is((await sweep(temporal, world.harness)).settledCount, 0);
      gate.open();
      void worker;
      await world.lifecycle.deleteFile(world.makeDeletion(fileId));
      await until(
        'it is deleted',
        async () => (await world.harness.readElement()).whole.length === 0,
      );
    }
  }));

test('the sweep lifts a tombstone, or finishes the deletion, by where the sidecar is', (t) =>
  withFiles(async (world) => {
    for (const [step, expected] of [
      ['claimFile', { ...changed, ...lost, ended: 'x' }],
      ['moveSidecarAway', { ...deleted, ended: 'x' }],
    ] as const) {
      const { gate, wrapActivities } = stopAfter(step);
      await using worker = await world.harness.startWorker({ wrapActivities, sweepAges });
      const [known] = (await world.harness.readElement()).whole;
      const fileId = known === undefined ? await world.storeFile() : (known.file_id as never);
      const first = await startDeletion(temporal, world, world.makeDeletion(fileId));
      await gate.reached;
      await first.handle.terminate('by hand');
      t.is((await sweep(temporal, world.harness)).settledCount, 1);
      t.deepEqual(await lookAtChange(world, first, 'x'), expected);
      gate.open();
      void worker;
    }
  }));

test('who deletes again resumes a deletion that ended by force', (t) =>
  withFiles(async (world) => {
    const { gate, wrapActivities } = stopAfter('moveSidecarAway');
    await using worker = await world.harness.startWorker({ wrapActivities });
    const fileId = await world.storeFile();
    const first = await startDeletion(temporal, world, world.makeDeletion(fileId));
    await gate.reached;
    await first.handle.terminate('by hand');
    gate.open();
    t.is(await world.lifecycle.deleteFile(world.makeDeletion(fileId)), first.operationId);
    await until('it is deleted', async () => {
      return (await world.findStanding(first.operationId))?.state === 'completed';
    });
    t.deepEqual(await lookAtChange(world, first, 'deleted'), deleted);
    void worker;
  }));

test('operations that were never begun, or are of another kind, end as failed', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker({ sweepAges });
    const { changes, journal } = world.harness.catalogue;
    const fileId = await world.storeFile();
    const change = await world.makeChange(fileId, 'never begun');
    await changes.openAttributesChange(change, 'update-attributes/never-begun');
    const operationId = newOperationId();
    await journal.openOperation({
      operationId,
      kind: 'reindexSearch',
      subject: { type: 'index', id: 'files' },
      startedBy: newAccountId(),
      workflowId: 'reindex-search/never-begun',
      elementId: null,
      input: null,
    });
    await sweep(temporal, world.harness);
    for (const id of [change.operationId, operationId]) {
      t.like(await world.findStanding(id), {
        state: 'failed',
        error: { code: 'WORKFLOWS_UNAVAILABLE' },
      });
    }
    // A start that comes late finds that it was given up.
    const { handle } = await startUpdate(temporal, world, change);
    t.like(await handle.result(), { kind: 'failed', failure: { code: 'WORKFLOWS_UNAVAILABLE' } });
    t.is((await world.findRow(fileId))?.sidecarDigest, change.expectedDigest);
    void worker;
  }));

test('a moved sidecar that outlived its row is discarded by the sweep', (t) =>
  withFiles(async (world) => {
    await using worker = await world.harness.startWorker({
      sweepAges,
      wrapActivities: failBefore('purgeFile', 'FILE_BUSY'),
    });
    const { catalogue, element } = world.harness;
    const fileId = await world.storeFile();
    const { handle, operationId } = await startDeletion(
      temporal,
      world,
      world.makeDeletion(fileId),
    );
    await t.throwsAsync(handle.result());
    t.true(await element.isSidecarAway(fileId));
    t.true(await catalogue.changes.purgeFile(operationId, 'f'.repeat(64)));
    await sweep(temporal, world.harness);
    t.deepEqual((await world.harness.readElement()).staging, []);
    void worker;
  }));

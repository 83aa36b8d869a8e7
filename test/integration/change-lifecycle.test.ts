import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import { newOperationId, openChangeHarness } from '#test/support/change-harness.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { newAccountId } from '#test/support/stored-files.ts';
import { openTcpProxy } from '#test/support/tcp-proxy.ts';
import { testStack } from '#test/support/test-stack.ts';
import { updateAttributesWorkflowId } from '#workflows/messages.ts';

const inLane = createLanes(4);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const isUnavailable = (error: unknown): boolean => isDomainError(error, 'WORKFLOWS_UNAVAILABLE');

test('an answer that is lost on the way is read from the row of the operation', (t) =>
  inLane(async () => {
    await using proxy = await openTcpProxy(testStack().temporalAddress);
    await using world = await openChangeHarness(temporal, proxy.address);
    const gate = createGate();
    await using worker = await world.harness.startWorker({
      wrapActivities: around('recordAttributes', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const fileId = await world.storeFile();
    const answer = world.lifecycle.updateAttributes(await world.makeChange(fileId, 'lost'));
    await gate.reached;
    proxy.cut();
    gate.open();
    t.deepEqual(await answer, { kind: 'changed' });
    void worker;
  }));

test('the same for a deletion, whose row says that readers no longer find the file', (t) =>
  inLane(async () => {
    await using proxy = await openTcpProxy(testStack().temporalAddress);
    await using world = await openChangeHarness(temporal, proxy.address);
    const gate = createGate();
    await using worker = await world.harness.startWorker({
      wrapActivities: around('claimFile', async (step) => {
        const taken = await step();
        await gate.pass();
        return taken;
      }),
    });
    const fileId = await world.storeFile();
    const deletion = world.makeDeletion(fileId);
    const answer = world.lifecycle.deleteFile(deletion);
    await gate.reached;
    proxy.cut();
    t.is(await answer, deletion.operationId);
    t.is(await world.findRow(fileId), null);
    gate.open();
    await until('it is deleted', async () => {
      return (await world.findStanding(deletion.operationId))?.state === 'completed';
    });
    void worker;
  }));

test('what Temporal never got is not done, and every caller knows for certain', (t) =>
  inLane(async () => {
    await using proxy = await openTcpProxy(testStack().temporalAddress);
    await using world = await openChangeHarness(temporal, proxy.address);
    await using worker = await world.harness.startWorker();
    const fileId = await world.storeFile();
    const before = await world.findRow(fileId);
    proxy.cut();
    const change = await world.makeChange(fileId, 'never');
    const deletion = world.makeDeletion(fileId);
    const batch = {
      operationId: newOperationId(),
      fileIds: [fileId],
      startedBy: newAccountId(),
      onlyCreatedBy: null,
      graceMs: 0,
    };
    const errors = await Promise.all([
      t.throwsAsync(world.lifecycle.updateAttributes(change)),
      t.throwsAsync(world.lifecycle.deleteFile(deletion)),
      t.throwsAsync(world.lifecycle.deleteFiles(batch)),
    ]);
    for (const error of errors) t.true(isUnavailable(error), String(error));
    for (const { operationId } of [change, deletion, batch]) {
      t.like(await world.findStanding(operationId), {
        state: 'failed',
        error: { code: 'WORKFLOWS_UNAVAILABLE' },
      });
    }
    t.deepEqual(await world.findRow(fileId), before);
    proxy.mend();
    await until('it recovers', () => world.lifecycle.isAvailable());
    t.deepEqual(
      await world.lifecycle.updateAttributes(await world.makeChange(fileId, 'afterwards')),
      { kind: 'changed' },
    );
    void worker;
  }));

test('without a worker the deadline decides, and one that comes late changes nothing', (t) =>
  inLane(async () => {
    await using world = await openChangeHarness(temporal);
    const fileId = await world.storeFile();
    const change = await world.makeChange(fileId, 'late');
    const error = await t.throwsAsync(world.lifecycle.updateAttributes(change));
    t.true(isUnavailable(error));
    await using worker = await world.harness.startWorker();
    const workflowId = updateAttributesWorkflowId(change.operationId);
    const result: unknown = await temporal.client.workflow.getHandle(workflowId).result();
    t.like(result, { kind: 'failed', failure: { code: 'WORKFLOWS_UNAVAILABLE' } });
    t.is((await world.findRow(fileId))?.sidecarDigest, change.expectedDigest);
    void worker;
  }));

test('a change that is held up after its claim is answered as under way at the deadline', (t) =>
  inLane(async () => {
    await using world = await openChangeHarness(temporal);
    const gate = createGate();
    await using worker = await world.harness.startWorker({
      wrapActivities: around('writeSidecar', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const fileId = await world.storeFile();
    const change = await world.makeChange(fileId, 'slow');
    t.deepEqual(await world.lifecycle.updateAttributes(change), { kind: 'pending' });
    gate.open();
    await until('it is done', async () => {
      return (await world.findStanding(change.operationId))?.state === 'completed';
    });
    t.is((await world.findRow(fileId))?.sidecarDigest, change.sidecarDigest);
    void worker;
  }));

import { randomUUID } from 'node:crypto';
import { Worker } from '@temporalio/worker';
import test from 'ava';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import type * as sagas from '#test/support/saga-workflows.ts';
import { testStack } from '#test/support/test-stack.ts';

const taskQueue = `saga-${randomUUID()}`;
let temporal: TemporalHarness;
let worker: Worker;
let running: Promise<void>;
test.before(async () => {
  const entry = new URL('../support/saga-workflows.ts', import.meta.url);
  temporal = await openTemporalHarness(entry);
  const { connection, workflowBundle } = temporal;
  const { temporalNamespace: namespace } = testStack();
  worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle });
  running = worker.run();
});
test.after.always(async () => {
  worker?.shutdown();
  await running;
  await temporal?.[Symbol.asyncDispose]();
});

const startWaiting = (order: sagas.SagaOrder) =>
  temporal.client.workflow.start<typeof sagas.waitingSaga>('waitingSaga', {
    taskQueue,
    workflowId: `saga-${randomUUID()}`,
    args: [order],
  });

for (const waitAt of [0, 1, 2]) {
  test(`a cancel in step ${waitAt} is followed by its compensations`, async (t) => {
    const handle = await startWaiting({ waitAt, resistAt: null });
    const events = () => handle.query<string[]>('events');
    await until('it waits', async () => (await events()).includes(`done ${waitAt}`));
    await handle.cancel();
    await t.throwsAsync(handle.result());
    t.is((await handle.describe()).status.name, 'CANCELLED');
    const steps = [0, 1, 2].slice(0, waitAt + 1);
    t.deepEqual(await events(), [
      ...steps.map((step) => `done ${step}`),
      ...steps.toReversed().map((step) => `undone ${step}`),
    ]);
  });
}

test('a compensation that fails after a cancel is named, and the others still run', async (t) => {
  const handle = await startWaiting({ waitAt: 2, resistAt: 1 });
  const events = () => handle.query<string[]>('events');
  await until('it waits', async () => (await events()).includes('done 2'));
  await handle.cancel();
  const error = await t.throwsAsync(handle.result());
  t.like(error?.cause, { type: 'COMPENSATION_FAILED', details: [{ leftovers: ['step 1'] }] });
  t.deepEqual((await events()).slice(3), ['undone 2', 'undone 1', 'undone 0']);
});

test('a cancel that comes while it is being undone changes nothing', async (t) => {
  const handle = await temporal.client.workflow.start('cancelledWhileUndoing', {
    taskQueue,
    workflowId: `saga-${randomUUID()}`,
  });
  const error = await t.throwsAsync(handle.result());
  t.like(error?.cause, { type: 'BROKEN' });
  t.deepEqual(await handle.query('events'), ['second undone', 'first undone']);
});

test('going on as a new run undoes nothing', async (t) => {
  const result = await temporal.client.workflow.execute<typeof sagas.continuingSaga>(
    'continuingSaga',
    { taskQueue, workflowId: `saga-${randomUUID()}`, args: [false] },
  );
  t.is(result, 'undone 0');
});

import test from 'ava';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import type { FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import type { Upload } from '#domain/uploads.ts';
import { createTemporalConnection } from '#infra/temporal/temporal-connection.ts';
import { openTemporalFileLifecycle } from '#infra/temporal/temporal-file-lifecycle.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import {
  openElementHarness,
  openTemporalHarness,
  until,
  type ElementHarness,
  type TemporalHarness,
} from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { openTcpProxy } from '#test/support/tcp-proxy.ts';
import { testStack } from '#test/support/test-stack.ts';

const inLane = createLanes(4);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

interface Parts {
  readonly harness: ElementHarness;
  readonly lifecycle: FileLifecycle;
}

/** An element, and a lifecycle as an API process has it. */
const withLifecycle = (
  run: (parts: Parts) => Promise<void>,
  address = testStack().temporalAddress,
): Promise<void> =>
  inLane(async () => {
    const { temporalNamespace: namespace } = testStack();
    await using harness = await openElementHarness(temporal);
    await using connection = createTemporalConnection({ address, namespace });
    const { uploads: registry, changes, journal } = harness.catalogue;
    await using lifecycle = await openTemporalFileLifecycle({
      connection,
      registry,
      changes,
      journal,
    });
    await run({ harness, lifecycle });
  });

const groupsOf = async (
  harness: ElementHarness,
  uploads: readonly { fileId: Upload['fileId'] }[],
) => {
  const rows = await harness.catalogue.uploads.findUploads(uploads.map(({ fileId }) => fileId));
  const sizes = new Map<string, number>();
  for (const { groupId } of rows) sizes.set(String(groupId), (sizes.get(String(groupId)) ?? 0) + 1);
  return [...sizes.values()].toSorted((a, b) => b - a);
};

test('an upload that comes alone waits for nobody', (t) =>
  withLifecycle(async ({ harness, lifecycle }) => {
    await using worker = await harness.startWorker();
    const upload = await harness.receive();
    t.deepEqual(await lifecycle.storeFile(upload), { kind: 'stored' });
    t.is((await harness.findOne(upload.fileId)).state, 'stored');
    t.is((await harness.readElement()).whole.length, 1);
    void worker;
  }));

test('uploads that come while a group is under way form the next ones, of 64 at most', (t) =>
  withLifecycle(async ({ harness, lifecycle }) => {
    const gate = createGate();
    await using worker = await harness.startWorker({
      wrapActivities: around('claimGroup', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const uploads = await harness.receiveMany(1 + limits.groupFiles + 1);
    const [first, ...others] = uploads;
    const answers = [lifecycle.storeFile(first!)];
    await gate.reached;
    answers.push(...others.map((upload) => lifecycle.storeFile(upload)));
    gate.open();
    for (const answer of await Promise.all(answers)) t.deepEqual(answer, { kind: 'stored' });
    const sizes = await groupsOf(harness, uploads);
    t.is(
      sizes.reduce((sum, size) => sum + size),
      uploads.length,
    );
    t.is(Math.max(...sizes), limits.groupFiles, sizes.join());
    t.is(sizes.at(-1), 1);
    void worker;
  }));

test('in a group each caller gets the outcome of its own file', (t) =>
  withLifecycle(async ({ harness, lifecycle }) => {
    const gate = createGate();
    await using worker = await harness.startWorker({
      wrapActivities: around('claimGroup', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const opener = lifecycle.storeFile(await harness.receive());
    await gate.reached;
    const uploads = await harness.receiveMany(limits.groupFiles);
    await harness.element.discardStaged(uploads[7]!.fileId);
    const answers = uploads.map((upload) => lifecycle.storeFile(upload));
    gate.open();
    await opener;
    const outcomes = await Promise.all(answers);
    t.is(outcomes.filter(({ kind }) => kind === 'stored').length, 63);
    const failed = outcomes[7]!;
    t.is(failed.kind === 'failed' ? failed.failure.code : null, 'CONTENT_MISSING');
    t.deepEqual(await groupsOf(harness, uploads), [64]);
    void worker;
  }));

test('an answer that is lost on the way is read from the rows', (t) =>
  inLane(async () => {
    await using proxy = await openTcpProxy(testStack().temporalAddress);
    const { temporalNamespace: namespace } = testStack();
    await using harness = await openElementHarness(temporal);
    await using connection = createTemporalConnection({ address: proxy.address, namespace });
    const { uploads: registry, changes, journal } = harness.catalogue;
    await using lifecycle = await openTemporalFileLifecycle({
      connection,
      registry,
      changes,
      journal,
    });
    const gate = createGate();
    await using worker = await harness.startWorker({
      wrapActivities: around('recordGroup', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const answer = lifecycle.storeFile(await harness.receive());
    await gate.reached;
    proxy.cut();
    gate.open();
    t.deepEqual(await answer, { kind: 'stored' });
    await until('it notices', () => !lifecycle.isAvailable());
    proxy.mend();
    await until('it recovers', () => lifecycle.isAvailable());
    t.deepEqual(await lifecycle.storeFile(await harness.receive()), { kind: 'stored' });
    void worker;
  }));

test('a start that Temporal never got is undone, and the caller knows for certain', (t) =>
  inLane(async () => {
    await using proxy = await openTcpProxy(testStack().temporalAddress);
    const { temporalNamespace: namespace } = testStack();
    await using harness = await openElementHarness(temporal);
    await using connection = createTemporalConnection({ address: proxy.address, namespace });
    const { uploads: registry, changes, journal } = harness.catalogue;
    await using lifecycle = await openTemporalFileLifecycle({
      connection,
      registry,
      changes,
      journal,
    });
    t.true(lifecycle.isAvailable());
    proxy.cut();
    const upload = await harness.receive();
    const error = await t.throwsAsync(lifecycle.storeFile(upload), { instanceOf: DomainError });
    t.is((error as DomainError).code, 'WORKFLOWS_UNAVAILABLE');
    t.false(lifecycle.isAvailable());
    t.is((await harness.findOne(upload.fileId)).state, 'failed');
    t.deepEqual(await harness.counters(), { usedBytes: 0, reservedBytes: 0 });
  }));

test('without a worker the callers are told at their deadline, and nothing is stored later', (t) =>
  withLifecycle(async ({ harness, lifecycle }) => {
    const uploads = await harness.receiveMany(2);
    const answers = await Promise.allSettled(uploads.map((upload) => lifecycle.storeFile(upload)));
    for (const answer of answers) {
      t.is(answer.status === 'rejected' ? answer.reason.code : answer, 'WORKFLOWS_UNAVAILABLE');
    }
    await using worker = await harness.startWorker();
    // The start of the first stands; the second waited behind it and was never sent.
    const later = await harness.receive();
    t.deepEqual(await lifecycle.storeFile(later), { kind: 'stored' });
    t.deepEqual(await harness.findStates(uploads), ['failed', 'failed']);
    t.is((await harness.readElement()).whole.length, 1);
    void worker;
  }));

test('work that outlasts the deadline is pending, not failed', (t) =>
  withLifecycle(async ({ harness, lifecycle }) => {
    const gate = createGate();
    await using worker = await harness.startWorker({
      wrapActivities: around('recordGroup', async (step) => {
        await gate.pass();
        return step();
      }),
    });
    const upload = await harness.receive();
    t.deepEqual(await lifecycle.storeFile(upload), { kind: 'pending' });
    const retried = lifecycle.awaitUpload(upload.fileId);
    gate.open();
    t.deepEqual(await retried, { kind: 'stored' });
    void worker;
  }));

test('an upload that was given up while its body came is not handed over', (t) =>
  withLifecycle(async ({ harness, lifecycle }) => {
    await using worker = await harness.startWorker();
    const upload = await harness.receive();
    const failure = { code: 'REQUEST_TIMEOUT', detail: 'The lease ended.' } as const;
    await harness.catalogue.uploads.failUploads([upload.fileId], ['receiving'], failure);
    t.deepEqual(await lifecycle.storeFile(upload), { kind: 'failed', failure });
    t.is((await harness.readElement()).whole.length, 0);
    void worker;
  }));

import { NativeConnection } from '@temporalio/worker';
import test from 'ava';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import { limits } from '#domain/limits.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { createGroupSender } from '#infra/temporal/group-sender.ts';
import { createGate } from '#test/support/activity-faults.ts';
import {
  openElementHarness,
  openTemporalHarness,
  until,
  type ElementHarness,
  type TemporalHarness,
} from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { lookAround } from '#test/support/store-files-scenarios.ts';
import { openTcpProxy } from '#test/support/tcp-proxy.ts';
import { testStack } from '#test/support/test-stack.ts';
import { countEvents } from '#test/support/workflow-history.ts';
import { newGroupId } from '#test/support/stored-files.ts';
import { storeFilesWorkflowId } from '#workflows/messages.ts';

const inLane = createLanes(4);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

type Run = (harness: ElementHarness) => Promise<void>;
const withElement = (run: Run): Promise<void> =>
  inLane(async () => {
    await using harness = await openElementHarness(temporal);
    await run(harness);
  });

const sender = () => createGroupSender(temporal.client, { report: () => undefined });

test('a group is one workflow task with four local activities and one update', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker();
    const uploads = await harness.stageMany(limits.groupFiles);
    const groupId = newGroupId();
    const fileIds = uploads.map(({ fileId }) => fileId);
    const result = await sender().sendGroup(harness.elementId, { groupId, fileIds });
    t.deepEqual(result, { storedCount: 64, failures: [], notClaimed: [] });
    const handle = temporal.client.workflow.getHandle(storeFilesWorkflowId(groupId));
    t.is(await countEvents(handle, 'workflowTaskCompletedEventAttributes'), 1);
    t.is(await countEvents(handle, 'markerRecordedEventAttributes'), 4);
    t.is(await countEvents(handle, 'activityTaskScheduledEventAttributes'), 0);
    t.is(await countEvents(handle, 'workflowExecutionUpdateCompletedEventAttributes'), 1);
    void worker;
  }));

test('the workflow is found by file, element and operation', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker();
    const uploads = await harness.stageMany(2);
    const groupId = newGroupId();
    const fileIds = uploads.map(({ fileId }) => fileId);
    await sender().sendGroup(harness.elementId, { groupId, fileIds });
    const query =
      `ArtFileIds = '${fileIds[1]}' AND ArtElementId = '${harness.elementId}' ` +
      `AND ArtOperation = 'storeFiles' AND ArtPhase = 'running'`;
    const found = async (): Promise<string[]> =>
      (await Array.fromAsync(temporal.client.workflow.list({ query }))).map((w) => w.workflowId);
    await until('visibility shows it', async () => (await found()).length > 0);
    t.deepEqual(await found(), [storeFilesWorkflowId(groupId)]);
    void worker;
  }));

test('the same group sent again, at once or later, is committed once and answered the same', (t) =>
  withElement(async (harness) => {
    const uploads = await harness.stageMany(3);
    const input = { groupId: newGroupId(), fileIds: uploads.map(({ fileId }) => fileId) };
    const first = sender().sendGroup(harness.elementId, input);
    const second = sender().sendGroup(harness.elementId, input);
    await using worker = await harness.startWorker();
    const stored = { storedCount: 3, failures: [], notClaimed: [] };
    t.deepEqual(await Promise.all([first, second]), [stored, stored]);
    t.deepEqual(await sender().sendGroup(harness.elementId, input), stored);
    const handle = temporal.client.workflow.getHandle(storeFilesWorkflowId(input.groupId));
    const { runId } = await handle.describe();
    const again = await harness.startGroup(input.groupId, uploads).catch((error: Error) => error);
    t.true(again instanceof Error, 'not even started a second time');
    t.is((await handle.describe()).runId, runId);
    t.deepEqual(await harness.counters(), { usedBytes: 3 * 4096, reservedBytes: 0 });
    const { rows } = await countOutbox(harness);
    t.is(rows, 3);
    void worker;
  }));

test('a start that comes after the sweep gave the uploads back commits nothing', (t) =>
  withElement(async (harness) => {
    const uploads = await harness.stageMany(2);
    await harness.catalogue.database.query(
      { text: `update uploads set updated_at = now() - interval '1 hour'` },
      [],
    );
    const swept = await harness.catalogue.uploads.abandonDeadUploads(harness.elementId);
    t.is(swept.abandoned.length, 2);
    const handle = await harness.startGroup(newGroupId(), uploads);
    await using worker = await harness.startWorker();
    t.deepEqual(await handle.result(), {
      storedCount: 0,
      failures: [],
      notClaimed: uploads.map(({ fileId }) => fileId),
    });
    t.is((await harness.readElement()).whole.length, 0);
    t.deepEqual(await harness.findStates(uploads), ['failed', 'failed']);
    t.deepEqual(await harness.counters(), { usedBytes: 0, reservedBytes: 0 });
    void worker;
  }));

test('uploads that were given back do not keep the rest of their group from being stored', (t) =>
  withElement(async (harness) => {
    const uploads = await harness.stageMany(2);
    const failure = { code: 'WORKFLOWS_UNAVAILABLE', detail: 'Taken back.' } as const;
    await harness.catalogue.uploads.failUploads([uploads[0]!.fileId], ['staged'], failure);
    const handle = await harness.startGroup(newGroupId(), uploads);
    await using worker = await harness.startWorker();
    t.deepEqual(await handle.result(), {
      storedCount: 1,
      failures: [],
      notClaimed: [uploads[0]!.fileId],
    });
    t.deepEqual(await harness.findStates(uploads), ['failed', 'stored']);
    void worker;
  }));

test('an update that comes late gets the result of the work that is already under way', (t) =>
  withElement(async (harness) => {
    const uploads = await harness.stageMany(2);
    const gate = createGate();
    const groupId = newGroupId();
    await using worker = await harness.startWorker({
      wrapActivities: (activities) => ({
        ...activities,
        async recordGroup(input) {
          await gate.pass();
          return activities.recordGroup(input);
        },
      }),
    });
    await harness.startGroup(groupId, uploads);
    await gate.reached;
    const fileIds = uploads.map(({ fileId }) => fileId);
    const answer = sender().sendGroup(harness.elementId, { groupId, fileIds });
    gate.open();
    // It may also find the workflow closed; then the rows answer.
    const result = await answer;
    t.true(result === null || result.storedCount === 2);
    await until('both are stored', async () =>
      (await harness.findStates(uploads)).every((state) => state === 'stored'),
    );
    void worker;
  }));

test('a write that hangs is waited for before anything is undone', (t) =>
  withElement(async (harness) => {
    const uploads = await harness.stageMany(2);
    const gate = createGate();
    const elements = hangingCommits(createFilesystemElementAccess(harness.catalogue.elements), () =>
      gate.pass(),
    );
    await using worker = await harness.startWorker({ elements });
    const handle = await harness.startGroup(newGroupId(), uploads);
    await gate.reached;
    const happened = (attributes: string) => async () =>
      (await countEvents(handle, attributes)) > 0;
    await until('the quick tries are over', happened('activityTaskScheduledEventAttributes'));
    await handle.cancel();
    const undoing = happened('upsertWorkflowSearchAttributesEventAttributes');
    await until('it is being undone', undoing);
    // Only now does the first attempt, long given up, go on and commit the contents.
    gate.open();
    await t.throwsAsync(handle.result());
    t.deepEqual(await lookAround(harness, uploads, ''), {
      ended: '',
      uploads: ['OPERATION_CANCELLED', 'OPERATION_CANCELLED'],
      wholeFiles: 0,
      contentsWithoutSidecar: 0,
      stagedContents: 2,
      usedFiles: 0,
      reservedBytes: 0,
    });
    void worker;
  }));

test('a worker that lost the right to write stops, and stores again when it has it back', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker();
    const lockHolders = {
      text: `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name like 'artstore-lock%'`,
    };
    const ended = await harness.catalogue.database.query(lockHolders, []);
    t.is(ended.length, 1);
    const uploads = await harness.stageMany(2);
    const handle = await harness.startGroup(newGroupId(), uploads);
    await handle.result();
    t.deepEqual(await harness.findStates(uploads), ['stored', 'stored']);
    void worker;
  }));

test('a worker outlives an outage of Temporal', (t) =>
  withElement(async (harness) => {
    await using proxy = await openTcpProxy(testStack().temporalAddress);
    const connection = await NativeConnection.connect({ address: proxy.address });
    {
      await using worker = await harness.startWorker({ connection });
      const before = await harness.stageMany(1);
      await (await harness.startGroup(newGroupId(), before)).result();
      proxy.cut();
      const during = await harness.stageMany(1);
      const handle = await harness.startGroup(newGroupId(), during);
      t.deepEqual(await harness.findStates(during), ['staged']);
      proxy.mend();
      await handle.result();
      t.deepEqual(await harness.findStates([...before, ...during]), ['stored', 'stored']);
      void worker;
    }
    await connection.close();
  }));

function hangingCommits(elements: ElementAccess, pass: () => Promise<void>): ElementAccess {
  return {
    async openElement(elementId) {
      const element = await elements.openElement(elementId);
      return {
        ...element,
        async commitContents(items) {
          await pass();
          return element.commitContents(items);
        },
      };
    },
  };
}

async function countOutbox(harness: ElementHarness): Promise<{ rows: number }> {
  const [row] = await harness.catalogue.database.query<{ rows: number }>(
    { text: 'select count(*)::int as rows from outbox' },
    [],
  );
  return row!;
}

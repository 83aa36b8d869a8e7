import test from 'ava';
import type { FileId } from '#domain/ids.ts';
import type { StagedUpload } from '#domain/uploads.ts';
import { failBefore } from '#test/support/activity-faults.ts';
import {
  openElementHarness,
  openTemporalHarness,
  until,
  type ElementHarness,
  type TemporalHarness,
} from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { sweep } from '#test/support/sweep.ts';
import { newFileId, newGroupId } from '#test/support/stored-files.ts';

const inLane = createLanes(4);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const withElement = (run: (harness: ElementHarness) => Promise<void>): Promise<void> =>
  inLane(async () => {
    await using harness = await openElementHarness(temporal);
    await run(harness);
  });

/** Nothing is too young to be swept, where the ages are the activities' own. */
const atOnce = { stalledGroupIdleMs: 0, failedStagingKeptMs: 0, stagingGraceMs: 0 };
const nothing = {
  abandonedCount: 0,
  discardedCount: 0,
  resolvedGroupCount: 0,
  forgottenCount: 0,
  settledCount: 0,
};

const age = async (harness: ElementHarness, column: string, fileIds: readonly FileId[]) => {
  await harness.catalogue.database.query(
    {
      text: `update uploads set ${column} = now() - interval '3 days' where file_id = any($1::uuid[])`,
    },
    [fileIds],
  );
};

const idsOf = (uploads: readonly StagedUpload[]): FileId[] => uploads.map(({ fileId }) => fileId);

test('an upload whose sender died is failed, its room released, its content discarded', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker();
    const [dead, living] = await harness.receiveMany(2);
    await age(harness, 'lease_expires_at', [dead!.fileId]);
    t.deepEqual(await sweep(temporal, harness), { ...nothing, abandonedCount: 1 });
    const row = await harness.findOne(dead!.fileId);
    t.like(row, { state: 'failed', failure: { code: 'REQUEST_TIMEOUT' } });
    t.is((await harness.findOne(living!.fileId)).state, 'receiving');
    t.deepEqual((await harness.readElement()).staging, [living!.fileId]);
    t.is((await harness.counters()).reservedBytes, 4096);
    t.deepEqual(await sweep(temporal, harness), nothing, 'a second run finds nothing to do');
    void worker;
  }));

test('a staged upload that no group took is given back', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker();
    const [forgotten, fresh] = await harness.stageMany(2);
    await age(harness, 'updated_at', [forgotten!.fileId]);
    t.deepEqual(await sweep(temporal, harness), { ...nothing, abandonedCount: 1 });
    t.is((await harness.findOne(forgotten!.fileId)).failure?.code, 'WORKFLOWS_UNAVAILABLE');
    t.deepEqual((await harness.readElement()).staging, [fresh!.fileId]);
    void worker;
  }));

test('what a failed upload left in staging goes, what others need stays', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker({
      sweepAges: { ...atOnce, stagingGraceMs: 3_600_000 },
    });
    const [failed, receiving] = await harness.receiveMany(2);
    const [staged] = await harness.stageMany(1);
    const stray = newFileId();
    const { signal } = new AbortController();
    await harness.element.stageContent(stray, chunks('no row of mine'), { signal });
    const failure = { code: 'REQUEST_TIMEOUT', detail: 'Broken off.' } as const;
    await harness.catalogue.uploads.failUploads([failed!.fileId], ['receiving'], failure);
    t.deepEqual(await sweep(temporal, harness), { ...nothing, discardedCount: 1 });
    t.deepEqual(
      (await harness.readElement()).staging.toSorted(),
      [receiving!.fileId, staged!.fileId, stray].toSorted(),
      'content without a row is given a long time',
    );
    void worker;
  }));

test('content without a row goes when its time of grace is over', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker({ sweepAges: atOnce });
    const [receiving] = await harness.receiveMany(1);
    const { signal } = new AbortController();
    await harness.element.stageContent(newFileId(), chunks('no row of mine'), { signal });
    t.deepEqual(await sweep(temporal, harness), { ...nothing, discardedCount: 1 });
    t.deepEqual((await harness.readElement()).staging, [receiving!.fileId]);
    void worker;
  }));

test('a group without a workflow is decided by its sidecars', (t) =>
  withElement(async (harness) => {
    const { element } = harness;
    const uploads = await harness.stageMany(3);
    await harness.catalogue.uploads.claimGroup(newGroupId(), idsOf(uploads));
    await element.commitContents(uploads);
    await element.writeSidecars([{ ...uploads[1]!, expectedDigest: null }]);
    await using worker = await harness.startWorker({
      sweepAges: { ...atOnce, failedStagingKeptMs: 3_600_000, stagingGraceMs: 3_600_000 },
    });
    t.deepEqual(await sweep(temporal, harness), { ...nothing, resolvedGroupCount: 1 });
    t.deepEqual(await harness.findStates(uploads), ['failed', 'stored', 'failed']);
    const report = await harness.readElement();
    t.deepEqual(
      report.whole.map((file) => file.file_id),
      [uploads[1]!.fileId],
    );
    t.deepEqual(report.content_without_sidecar, []);
    t.deepEqual(report.staging.toSorted(), [uploads[0]!.fileId, uploads[2]!.fileId].toSorted());
    t.deepEqual(await harness.counters(), { usedBytes: 4096, reservedBytes: 0 });
    t.deepEqual(await sweep(temporal, harness), nothing);
    void worker;
  }));

test('a group whose workflow was terminated after the pivot is stored', (t) =>
  withElement(async (harness) => {
    const uploads = await harness.stageMany(2);
    const options = {
      sweepAges: atOnce,
      wrapActivities: failBefore('recordGroup', 'CATALOGUE_UNAVAILABLE'),
    };
    await using worker = await harness.startWorker(options);
    const handle = await harness.startGroup(newGroupId(), uploads);
    await until('the sidecars stand', async () => (await harness.readElement()).whole.length === 2);
    t.deepEqual(await sweep(temporal, harness), nothing, 'its workflow is running: hands off');
    t.deepEqual(await harness.findStates(uploads), ['committing', 'committing']);
    await handle.terminate('by hand');
    t.deepEqual(await sweep(temporal, harness), { ...nothing, resolvedGroupCount: 1 });
    t.deepEqual(await harness.findStates(uploads), ['stored', 'stored']);
    t.deepEqual(await harness.counters(), { usedBytes: 2 * 4096, reservedBytes: 0 });
    void worker;
  }));

test('finished uploads are forgotten after their keeping time', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker();
    const uploads = await harness.stageMany(2);
    const handle = await harness.startGroup(newGroupId(), uploads);
    await handle.result();
    await age(harness, 'finished_at', [uploads[0]!.fileId]);
    t.deepEqual(await sweep(temporal, harness), { ...nothing, forgottenCount: 1 });
    t.deepEqual(await harness.findStates(uploads), ['absent', 'stored']);
    t.is((await harness.readElement()).whole.length, 2, 'the file is not an upload any more');
    void worker;
  }));

test('a step that keeps failing does not stop the others, and is named', (t) =>
  withElement(async (harness) => {
    await using worker = await harness.startWorker({
      wrapActivities: failBefore('resolveStalledGroups', 'WORKFLOWS_UNAVAILABLE'),
    });
    const [dead] = await harness.receiveMany(1);
    await age(harness, 'lease_expires_at', [dead!.fileId]);
    const error = await t.throwsAsync(sweep(temporal, harness));
    t.regex(String(error?.cause), /stalled groups/);
    t.is((await harness.findOne(dead!.fileId)).state, 'failed');
    t.deepEqual((await harness.readElement()).staging, []);
    void worker;
  }));

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

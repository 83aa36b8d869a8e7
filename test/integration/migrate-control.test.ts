import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import { createGate } from '#test/support/activity-faults.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { openMigrationHarness, type MigrationHarness } from '#test/support/migration-harness.ts';
import { judgeMigration } from '#test/support/migration-verdict.ts';
import { PostgresMigrationFiles } from '#infra/postgres/postgres-migration-files.ts';

const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

/** Files of the catalogue that stands behind a door: the n-th chunk waits there. */
function behindDoor(harness: MigrationHarness, chunk: number) {
  const gate = createGate();
  const files = new PostgresMigrationFiles(harness.harness.catalogue.database);
  let chunks = 0;
  const claimChunk = files.claimChunk.bind(files);
  files.claimChunk = async (...claim) => {
    const claimed = await claimChunk(...claim);
    chunks += 1;
    if (chunks === chunk) await gate.pass();
    return claimed;
  };
  return { files, gate };
}

const countDone = async (harness: MigrationHarness, run: { operationId: never }): Promise<number> =>
  (await harness.runs.readReport(run.operationId))?.shards.reduce(
    (sum, { done }) => sum + done,
    0,
  ) ?? 0;

test('a paused run does nothing until it is resumed', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adoptMany(200);
    const { files: door, gate } = behindDoor(harness, 1);
    await using workers = await harness.startWorkers({ migrate: { files: door } });
    const run = await harness.start();
    await gate.reached;
    await harness.migrations.pauseOperation(await harness.find(run.operationId));
    t.is((await harness.find(run.operationId)).state, 'paused');
    gate.open();
    // The chunk that was under way is finished; then its shard waits for a sign.
    await until('the shard waits', async () => {
      const shard = temporal.client.workflow.getHandle(`${run.handle.workflowId}/0`);
      const { events } = await shard.fetchHistory();
      return (
        events?.some(({ timerStartedEventAttributes }) => timerStartedEventAttributes) === true
      );
    });
    t.is(await countDone(harness, run as never), 64);
    t.is((await harness.find(run.operationId)).state, 'paused');
    await harness.migrations.resumeOperation(await harness.find(run.operationId));
    const operation = await harness.end(run);
    t.is(operation.state, 'completed');
    t.is(operation.progress?.done, 200);
    const verdict = await judgeMigration(harness, run.operationId, files);
    t.deepEqual(verdict, { migrated: 200, untouched: 0, faults: [] });
    for (const control of ['pauseOperation', 'resumeOperation'] as const) {
      const error = await t.throwsAsync(harness.migrations[control](operation));
      t.true(isDomainError(error, 'OPERATION_STATE_FORBIDS'));
    }
    void workers;
  });
});

test('one that was paused before it began begins when it is resumed', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    await harness.adoptMany(3);
    const run = await harness.start();
    await harness.migrations.pauseOperation(await harness.find(run.operationId));
    await using workers = await harness.startWorkers();
    await until(
      'it is planned',
      async () => (await harness.runs.listShards(run.operationId)).length > 0,
    );
    t.is((await harness.find(run.operationId)).state, 'paused');
    t.is(await countDone(harness, run as never), 0);
    await harness.migrations.resumeOperation(await harness.find(run.operationId));
    t.is((await harness.end(run)).progress?.done, 3);
    void workers;
  });
});

test('a cancel ends between two chunks; what is finished stays migrated', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adoptMany(200);
    const { files: door, gate } = behindDoor(harness, 2);
    await using workers = await harness.startWorkers({ migrate: { files: door } });
    const run = await harness.start();
    await gate.reached;
    await harness.world.lifecycle.cancelOperation(await harness.find(run.operationId));
    await until('the shard is told', async () => {
      const { events } = await run.handle.fetchHistory();
      return (
        events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes) === true
      );
    });
    gate.open();
    const operation = await harness.end(run);
    t.is(operation.state, 'cancelled');
    t.is(operation.error?.code, 'OPERATION_CANCELLED');
    const { migrated, untouched, faults } = await judgeMigration(harness, run.operationId, files);
    t.deepEqual(faults, []);
    t.is(operation.progress?.done, migrated);
    t.is(migrated + untouched, 200);
    t.true(migrated >= 64);
    // What is left can be migrated by another run, and what is done be reverted.
    t.is((await harness.end(await harness.start())).progress?.done, untouched);
    await harness.end(await harness.startRevert(run.operationId));
    const reverted = await judgeMigration(harness, run.operationId, files);
    t.is(reverted.untouched, migrated);
    void workers;
  });
});

test('a paused run can be cancelled', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adoptMany(3);
    const run = await harness.start();
    await harness.migrations.pauseOperation(await harness.find(run.operationId));
    await using workers = await harness.startWorkers();
    await until(
      'it is planned',
      async () => (await harness.runs.listShards(run.operationId)).length > 0,
    );
    await harness.world.lifecycle.cancelOperation(await harness.find(run.operationId));
    const operation = await harness.end(run);
    t.is(operation.state, 'cancelled');
    t.is((await judgeMigration(harness, run.operationId, files)).untouched, 3);
    t.is((await harness.end(await harness.start())).progress?.done, 3);
    void workers;
  });
});

test('a slow run goes at its pace, and faster as soon as it is told', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    await harness.adoptMany(120);
    await using workers = await harness.startWorkers();
    // At this pace it would last for hours.
    const run = await harness.start({ filesPerSecond: 0.02, concurrency: 1, batchSize: 30 });
    await until('it has begun', async () => (await countDone(harness, run as never)) > 0);
    t.true((await countDone(harness, run as never)) <= 2);
    await harness.migrations.changePace(await harness.find(run.operationId), {
      concurrency: 4,
      filesPerSecond: null,
    });
    const operation = await harness.end(run);
    t.is(operation.progress?.done, 120);
    t.like(operation.result, { concurrency: 4, files_per_second: null });
    const error = await t.throwsAsync(
      harness.migrations.changePace(operation, { concurrency: 1, filesPerSecond: null }),
    );
    t.true(isDomainError(error, 'OPERATION_STATE_FORBIDS'));
    void workers;
  });
});

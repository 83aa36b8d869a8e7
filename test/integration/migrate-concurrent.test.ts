import test from 'ava';
import { PostgresMigrationFiles } from '#infra/postgres/postgres-migration-files.ts';
import { around, createGate } from '#test/support/activity-faults.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { openMigrationHarness, type MigrationHarness } from '#test/support/migration-harness.ts';
import { judgeMigration } from '#test/support/migration-verdict.ts';

const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

/** The first chunk is claimed and waits at a door. */
function holdChunk(harness: MigrationHarness) {
  const gate = createGate();
  const files = new PostgresMigrationFiles(harness.harness.catalogue.database);
  const claimChunk = files.claimChunk.bind(files);
  files.claimChunk = async (...claim) => {
    const claimed = await claimChunk(...claim);
    if (claimed.length > 0) await gate.pass();
    return claimed;
  };
  return { files, gate };
}

test('a change waits for a file that a migration holds', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const [patched, deleted, ...others] = await harness.adoptMany(10);
    const { files, gate } = holdChunk(harness);
    const { lifecycle } = harness.world;
    let claims = 0;
    await using workers = await harness.startWorkers({
      migrate: { files },
      element: {
        wrapActivities: around('claimFile', (step) => {
          claims += 1;
          return step();
        }),
      },
    });
    const change = await harness.world.makeChange(patched!.fileId, 'новое');
    const run = await harness.start();
    await gate.reached;
    const changing = lifecycle.updateAttributes(change);
    const deleting = lifecycle.deleteFile(harness.world.makeDeletion(deleted!.fileId));
    await until('both ask for their files', () => claims === 2);
    gate.open();
    // Its sidecar is another one by then: the caller must look at it first.
    const outcome = await changing;
    t.is(outcome.kind === 'failed' ? outcome.failure.code : outcome.kind, 'PRECONDITION_FAILED');
    await deleting;
    const operation = await harness.end(run);
    t.is(operation.state, 'completed');
    t.is(operation.progress?.done, 10);
    t.is(await harness.world.findRow(deleted!.fileId), null);
    const verdict = await judgeMigration(harness, run.operationId, [patched!, ...others]);
    t.deepEqual(verdict, { migrated: 9, untouched: 0, faults: [] });
    const again = await harness.world.makeChange(patched!.fileId, 'новое');
    t.is((await lifecycle.updateAttributes(again)).kind, 'changed');
    void workers;
  });
});

test('it does not wait for ever: FILE_BUSY names the run', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const [file] = await harness.adoptMany(1);
    const { files, gate } = holdChunk(harness);
    await using workers = await harness.startWorkers({ migrate: { files } });
    const change = await harness.world.makeChange(file!.fileId, 'новое');
    const run = await harness.start();
    await gate.reached;
    const outcome = await harness.world.lifecycle.updateAttributes(change);
    t.is(outcome.kind === 'failed' ? outcome.failure.code : outcome.kind, 'FILE_BUSY');
    t.is(outcome.kind === 'failed' ? outcome.operationId : null, run.operationId);
    gate.open();
    t.is((await harness.end(run)).progress?.done, 1);
    void workers;
  });
});

test('what a change holds is passed over, and looked for again before the end', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const [patched, ...others] = await harness.adoptMany(100);
    const patch = createGate();
    await using workers = await harness.startWorkers({
      element: {
        wrapActivities: around('writeSidecar', async (step) => {
          await patch.pass();
          return step();
        }),
      },
    });
    const { lifecycle } = harness.world;
    const first = await harness.world.makeChange(patched!.fileId, 'новое');
    const changing = lifecycle.updateAttributes(first);
    await patch.reached;
    const run = await harness.start();
    await until('all others are migrated', async () => {
      const report = await harness.runs.readReport(run.operationId);
      return report?.shards.reduce((sum, { done }) => sum + done, 0) === 99;
    });
    t.is((await harness.find(run.operationId)).state, 'running');
    patch.open();
    t.is((await changing).kind, 'changed');
    const operation = await harness.end(run);
    t.deepEqual(operation.progress, { done: 99, failed: 0, skipped: 1, total: 100 });
    t.like(operation.result, { skipped: { left_meanwhile: 1 } });
    const verdict = await judgeMigration(harness, run.operationId, others);
    t.deepEqual(verdict, { migrated: 99, untouched: 0, faults: [] });
    t.regex(String(await harness.read(patched!)), /новое/);
    void workers;
  });
});

test('a file that is held all the time is a dead letter, and can be retried', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const [held, ...others] = await harness.adoptMany(5);
    const gate = createGate();
    await using workers = await harness.startWorkers({
      migrate: { busyWaitMs: 300 },
      element: {
        wrapActivities: around('writeSidecar', async (step) => {
          await gate.pass();
          return step();
        }),
      },
    });
    const change = await harness.world.makeChange(held!.fileId, 'новое');
    const changing = harness.world.lifecycle.updateAttributes(change);
    await gate.reached;
    const run = await harness.start();
    const operation = await harness.end(run);
    t.deepEqual(operation.progress, { done: 4, failed: 1, skipped: 0, total: 5 });
    const [failure] = await harness.listFailures(run.operationId);
    t.like(failure, { fileId: held!.fileId, code: 'FILE_BUSY' });
    t.is((await judgeMigration(harness, run.operationId, others)).migrated, 4);
    gate.open();
    t.is((await changing).kind, 'changed');
    void workers;
  });
});

test('a dry run is not misled by a change on its way', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const [patched] = await harness.adoptMany(5);
    const gate = createGate();
    await using workers = await harness.startWorkers({
      element: {
        wrapActivities: around('recordAttributes', async (step) => {
          await gate.pass();
          return step();
        }),
      },
    });
    const change = await harness.world.makeChange(patched!.fileId, 'новое');
    const changing = harness.world.lifecycle.updateAttributes(change);
    // The sidecar is the new one, the row still the old one.
    await gate.reached;
    const run = await harness.start({ dryRun: true });
    const opening = setTimeout(() => gate.open(), 500);
    const operation = await harness.end(run);
    clearTimeout(opening);
    gate.open();
    t.is((await changing).kind, 'changed');
    const codes = (await harness.listFailures(run.operationId)).map(({ code }) => code);
    t.false(codes.includes('SIDECAR_CHANGED'));
    t.is(operation.progress?.done, 4);
    void workers;
  });
});

/**
 * The workers' process is killed at each point of a chunk. Another one goes on, and then every
 * sidecar is compared with what the specification makes of it, by a reader that knows nothing of
 * the product.
 */
import test from 'ava';
import { adoptedDialects, type AdoptedTraits } from '#test/support/adopted-files.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { killMigration } from '#test/support/killed-migration.ts';
import { createLanes } from '#test/support/lanes.ts';
import { openMigrationHarness } from '#test/support/migration-harness.ts';
import { chunkPoints } from '#test/support/migration-process.ts';
import { judgeMigration } from '#test/support/migration-verdict.ts';
import { sweep } from '#test/support/sweep.ts';

const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

/** More than one chunk for every shard that may work at once. */
const fileCount = Number(process.env['MIGRATED_FILES'] ?? 400);
const batchSize = 100;
const mixed: AdoptedTraits[] = Array.from({ length: fileCount }, (_, index) => {
  const dialect = adoptedDialects[index % adoptedDialects.length];
  return dialect === undefined ? {} : { dialect };
});

for (const stopAt of chunkPoints) {
  test(`killed ${stopAt}, a run migrates every file once`, async (t) => {
    await inLane(async () => {
      await using harness = await openMigrationHarness(temporal);
      const files = await harness.adopt(mixed);
      const visit = stopAt === 'after readSidecar' ? 100 : 3;
      const run = await killMigration({ temporal, harness }, { stopAt, visit }, () =>
        harness.start({ batchSize }),
      );
      await using workers = await harness.startWorkers();
      const operation = await harness.end(run);
      t.is(operation.state, 'completed');
      t.deepEqual(operation.progress, { done: fileCount, failed: 0, skipped: 0, total: fileCount });
      t.deepEqual(await judgeMigration(harness, run.operationId, files), {
        migrated: fileCount,
        untouched: 0,
        faults: [],
      });
      // Each file is announced once, by the transaction that recorded it.
      const [announced] = await harness.harness.catalogue.database.query<{ count: number }>({
        text: `select coalesce(sum(cardinality(file_ids)), 0)::integer as count from outbox
          where type = 'files.attributes_migrated'`,
      });
      t.is(announced?.count, fileCount);
      void workers;
    });
  });

  test(`killed ${stopAt}, a revert brings back every byte once`, async (t) => {
    await inLane(async () => {
      await using harness = await openMigrationHarness(temporal);
      const files = await harness.adopt(mixed);
      const run = await (async () => {
        await using workers = await harness.startWorkers();
        const started = await harness.start({ batchSize });
        await harness.end(started);
        void workers;
        return started;
      })();
      const visit = stopAt === 'after readSidecar' ? 100 : 3;
      const revert = await killMigration({ temporal, harness }, { stopAt, visit }, () =>
        harness.startRevert(run.operationId),
      );
      await using workers = await harness.startWorkers();
      const operation = await harness.end(revert);
      t.deepEqual(operation.progress, { done: fileCount, failed: 0, skipped: 0, total: fileCount });
      t.deepEqual(await judgeMigration(harness, run.operationId, files), {
        migrated: 0,
        untouched: fileCount,
        faults: [],
      });
      void workers;
    });
  });
}

for (const stopAt of ['after claimChunk', 'inside writeSidecars', 'after writeSidecars'] as const) {
  test(`killed ${stopAt} and ended by force, a run leaves whole files and no claim`, async (t) => {
    await inLane(async () => {
      await using harness = await openMigrationHarness(temporal);
      const files = await harness.adopt(mixed);
      const run = await killMigration({ temporal, harness }, { stopAt, visit: 2 }, () =>
        harness.start({ batchSize }),
      );
      await run.handle.terminate('By the test.');
      await using workers = await harness.startWorkers({
        element: { sweepAges: { stalledGroupIdleMs: 1 } },
      });
      await sweep(temporal, harness.harness);
      // The first ends the operation, and only then its claims are nobody's.
      await sweep(temporal, harness.harness);
      const operation = await harness.find(run.operationId);
      t.is(operation.state, 'failed');
      const { migrated, untouched, faults } = await judgeMigration(harness, run.operationId, files);
      t.deepEqual(faults, []);
      t.is(migrated + untouched, fileCount);
      if (stopAt !== 'after claimChunk') t.true(migrated > 0);

      // The element is free: what is left is migrated by another run, and the rest reverted.
      const second = await harness.start({ batchSize });
      t.is((await harness.end(second)).progress?.done, untouched);
      if (migrated > 0) {
        const revert = await harness.end(await harness.startRevert(run.operationId));
        t.is(revert.progress?.done, migrated);
      }
      void workers;
    });
  });
}

import test from 'ava';
import type { ElementId, OperationId } from '#domain/ids.ts';
import {
  addTallies,
  countMigration,
  isMigrationClaim,
  presentMigration,
  type MigrationReport,
} from '#domain/migrations/migration-run.ts';
import { firstFileId, lastFileId } from '#domain/migrations/plan-shards.ts';
import { migrateShardWorkflowId } from '#workflows/messages.ts';

const operationId = '00000000-0000-4000-8000-000000000001' as OperationId;

function reportOf(
  counts: readonly [planned: number, done: number, failed: number, skipped: number][],
) {
  const report: MigrationReport = {
    run: {
      operationId,
      action: 'migrate',
      work: 'migrate',
      source: 'catalogue',
      ofRun: null,
      rootRun: operationId,
      request: {
        sourceVersion: '1.0',
        targetVersion: '2.0',
        selection: { elementId: null, createdFrom: null, createdTo: null, fileIds: null },
        mapping: {},
        mappingPolicy: 'refuse',
        template: null,
        batchSize: 1000,
        concurrency: 4,
        filesPerSecond: null,
        dryRun: false,
      },
    },
    isPaused: false,
    skipped: { otherVersion: 5, frozen: 2 },
    rate: 10,
    shards: counts.map(([planned, done, failed, skipped], shard) => ({
      shard,
      elementId: 'edit-01' as ElementId,
      fromId: firstFileId,
      toId: lastFileId,
      planned,
      state: 'running',
      chunk: 0,
      position: null,
      passCount: 0,
      done,
      failed,
      skipped,
      tallies: { dialects: { 'v1.0': done }, failures: failed === 0 ? {} : { FILE_BUSY: failed } },
    })),
  };
  return report;
}

test('counts of a run: nothing is counted twice, and more than was planned is no riddle', (t) => {
  t.deepEqual(
    countMigration(
      reportOf([
        [10, 4, 1, 0],
        [10, 8, 1, 1],
      ]),
    ),
    {
      done: 12,
      failed: 2,
      skipped: 8,
      total: 27,
    },
  );
  t.deepEqual(countMigration(reportOf([[1, 3, 0, 0]])), {
    done: 3,
    failed: 0,
    skipped: 7,
    total: 10,
  });
});

test('a run as its operation shows it', (t) => {
  const report = reportOf([
    [100, 40, 10, 0],
    [50, 0, 0, 0],
  ]);
  t.like(presentMigration(report), {
    rate: 10,
    seconds_left: 10,
    skipped: { other_version: 5, frozen: 2, left_meanwhile: 0 },
    dialects: { 'v1.0': 40 },
    failures: { FILE_BUSY: 10 },
  });
  t.like(presentMigration({ ...report, rate: null }), { rate: null, seconds_left: null });
  t.like(presentMigration({ ...report, isPaused: true }), { seconds_left: null });
  t.like(presentMigration({ ...report, skipped: null, shards: [] }), { skipped: null, shards: [] });
});

test('tallies add up by name', (t) => {
  const none = { dialects: {}, failures: {} };
  const some = addTallies(none, { dialects: ['v1.0', 'readme', 'v1.0'], failures: [] });
  t.deepEqual(addTallies(some, { dialects: ['readme'], failures: ['FILE_BUSY'] }), {
    dialects: { readme: 2, 'v1.0': 2 },
    failures: { FILE_BUSY: 1 },
  });
});

test('the claims of a migration are known by the names of its workflows', (t) => {
  t.true(isMigrationClaim(migrateShardWorkflowId(operationId, 3)));
  t.false(isMigrationClaim(`update-attributes/${operationId}`));
});

/** A run goes on where the disk is full for a while, and where PostgreSQL ends every connection. */
import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { Client } from 'pg';
import { parseInstant } from '#domain/instant.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { PostgresMigrationFiles } from '#infra/postgres/postgres-migration-files.ts';
import { createGate } from '#test/support/activity-faults.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { openLossyFilesystem } from '#test/support/lossy-filesystem.ts';
import { openMigrationHarness, type MigrationHarness } from '#test/support/migration-harness.ts';
import { judgeMigration } from '#test/support/migration-verdict.ts';
import { testStack } from '#test/support/test-stack.ts';
import { migrateShardWorkflowId } from '#workflows/messages.ts';

const run = promisify(execFile);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const diskBytes = 33_554_432;
const fileCount = 400;

/** Puts a small disk in the place of the element's directory. */
async function mountSmallDisk({ harness }: MigrationHarness): Promise<AsyncDisposable> {
  const disk = await openLossyFilesystem(diskBytes);
  await run('mount', ['--bind', disk.path, harness.root]);
  const createdAt = parseInstant('2026-01-01T00:00:00Z')!;
  await registerElementDirectory(harness.root, harness.elementId, createdAt);
  return {
    async [Symbol.asyncDispose]() {
      await run('umount', ['--lazy', harness.root]);
      await disk[Symbol.asyncDispose]();
    },
  };
}

/** Until not one block is left, for the superuser neither. */
async function fillDisk(path: string): Promise<void> {
  const handle = await open(path, 'w');
  try {
    for (const size of [1_048_576, 4096]) {
      try {
        for (;;) await handle.appendFile(Buffer.alloc(size, 1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    await handle.close();
  }
}

test.serial('a disk that is full in the middle is waited for', async (t) => {
  await using harness = await openMigrationHarness(temporal);
  await using disk = await mountSmallDisk(harness);
  const files = await harness.adoptMany(fileCount);
  const gate = createGate();
  const catalogue = new PostgresMigrationFiles(harness.harness.catalogue.database);
  const keepOriginals = catalogue.keepOriginals.bind(catalogue);
  let chunks = 0;
  catalogue.keepOriginals = async (...chunk) => {
    const kept = await keepOriginals(...chunk);
    chunks += 1;
    if (chunks === 3) await gate.pass();
    return kept;
  };
  await using workers = await harness.startWorkers({ migrate: { files: catalogue } });
  const started = await harness.start();
  await gate.reached;
  const filler = join(harness.harness.root, 'filler');
  await fillDisk(filler);
  gate.open();
  const shard = temporal.client.workflow.getHandle(migrateShardWorkflowId(started.operationId, 0));
  await until('the shard has met the full disk', async () => {
    const { raw } = await shard.describe();
    const failure = raw.pendingActivities?.[0]?.lastFailure;
    return failure?.applicationFailureInfo?.type === 'INSUFFICIENT_STORAGE';
  });
  t.is((await harness.find(started.operationId)).state, 'running');
  await rm(filler);
  const operation = await harness.end(started);
  t.deepEqual(operation.progress, { done: fileCount, failed: 0, skipped: 0, total: fileCount });
  t.deepEqual(await judgeMigration(harness, started.operationId, files), {
    migrated: fileCount,
    untouched: 0,
    faults: [],
  });
  void workers;
  void disk;
});

test.serial('PostgreSQL ends every connection, again and again', async (t) => {
  await using harness = await openMigrationHarness(temporal);
  const files = await harness.adoptMany(fileCount);
  await using workers = await harness.startWorkers();
  const admin = new Client({
    connectionString: testStack().postgresUrl,
    application_name: 'artstore-test-admin',
  });
  await admin.connect();
  t.teardown(() => admin.end());
  const { pathname } = new URL(harness.harness.catalogue.url);
  const started = await harness.start({ batchSize: 50 });
  const doneCount = async (): Promise<number> => {
    // Its own connection may be the one that was ended.
    const report = await harness.runs.readReport(started.operationId).catch(() => null);
    return report?.shards.reduce((sum, { done }) => sum + done, 0) ?? -1;
  };
  for (let round = 0; round < 3; round += 1) {
    const before = Math.max(await doneCount(), 0);
    await until('it goes on', async () => (await doneCount()) > before || before === fileCount);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      pathname.slice(1),
    ]);
  }
  const operation = await harness.end(started);
  t.deepEqual(operation.progress, { done: fileCount, failed: 0, skipped: 0, total: fileCount });
  t.deepEqual(await judgeMigration(harness, started.operationId, files), {
    migrated: fileCount,
    untouched: 0,
    faults: [],
  });
  void workers;
});

import { writeFile } from 'node:fs/promises';
import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import { adoptedDialects, type AdoptedTraits } from '#test/support/adopted-files.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { createLanes } from '#test/support/lanes.ts';
import { openMigrationHarness } from '#test/support/migration-harness.ts';
import { judgeMigration } from '#test/support/migration-verdict.ts';
import { newOperationId } from '#test/support/change-harness.ts';

const inLane = createLanes(2);
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const ofEachDialect = (count: number): AdoptedTraits[] =>
  adoptedDialects.flatMap((dialect) => Array.from({ length: count }, () => ({ dialect })));

test('a revert brings back every byte, and the row that belongs to it', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adopt(ofEachDialect(16));
    const { catalogue } = harness.harness;
    const columns = `file_id, attributes, sidecar_digest, schema_version, revision, updated_at,
      created_at, retention_policy, tags, original_filename, content_type, file_size`;
    const look = { text: `select ${columns} from files order by file_id` };
    const before = await catalogue.database.query(look);
    await using workers = await harness.startWorkers();
    const run = await harness.start();
    await harness.end(run);
    const revert = await harness.startRevert(run.operationId);
    const operation = await harness.end(revert);
    t.is(operation.state, 'completed');
    t.deepEqual(operation.progress, { done: 80, failed: 0, skipped: 0, total: 80 });
    t.like(operation.result, { action: 'revert', of_run: run.operationId });
    t.deepEqual(operation.subject, { type: 'migration', id: run.operationId });
    for (const file of files) t.true((await harness.read(file)).equals(file.original));
    t.deepEqual(await judgeMigration(harness, run.operationId, files), {
      migrated: 0,
      untouched: 80,
      faults: [],
    });
    t.deepEqual(await catalogue.database.query(look), before);

    // There is nothing left of it; the files can be migrated anew, with originals of their own.
    const error = await t.throwsAsync(harness.startRevert(run.operationId));
    t.true(isDomainError(error, 'SELECTION_EMPTY'));
    const anew = await harness.start();
    t.is((await harness.end(anew)).progress?.done, 80);
    t.is((await judgeMigration(harness, anew.operationId, files)).migrated, 80);
    void workers;
  });
});

test('what was changed or deleted since is a dead letter of the revert', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const [patched, deleted, outside, ...others] = await harness.adoptMany(8);
    await using workers = await harness.startWorkers();
    const run = await harness.start();
    await harness.end(run);
    const { lifecycle } = harness.world;
    const change = await harness.world.makeChange(patched!.fileId, 'новое');
    t.is((await lifecycle.updateAttributes(change)).kind, 'changed');
    await harness.world.lifecycle.deleteFile(harness.world.makeDeletion(deleted!.fileId));
    await writeFile(outside!.sidecarPath, `${String(await harness.read(outside!))} `);
    const revert = await harness.startRevert(run.operationId);
    const operation = await harness.end(revert);
    t.deepEqual(operation.progress, { done: 5, failed: 3, skipped: 0, total: 8 });
    const failures = await harness.listFailures(revert.operationId);
    const codeOf = new Map(failures.map(({ fileId, code }) => [fileId, code]));
    t.is(codeOf.get(patched!.fileId), 'FILE_CHANGED');
    t.is(codeOf.get(deleted!.fileId), 'FILE_DELETED');
    t.is(codeOf.get(outside!.fileId), 'SIDECAR_CHANGED');
    t.regex(String(await harness.read(patched!)), /новое/);
    for (const file of others) t.true((await harness.read(file)).equals(file.original));

    // Put right by hand, it can be reverted alone.
    const migrated = String(await harness.read(outside!)).slice(0, -1);
    await writeFile(outside!.sidecarPath, migrated);
    const retry = await harness.startRetry(revert.operationId);
    const retried = await harness.end(retry);
    t.like(retried.progress, { done: 1, failed: 2 });
    t.like(retried.result, { action: 'retry', of_run: revert.operationId });
    t.true((await harness.read(outside!)).equals(outside!.original));
    const left = await harness.listFailures(revert.operationId);
    t.deepEqual(left.map(({ code }) => code).sort(), ['FILE_CHANGED', 'FILE_DELETED']);
    void workers;
  });
});

test('a retry takes the dead letters alone; what succeeds leaves their list', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adoptMany(6);
    const [first, second] = files;
    await writeFile(first!.sidecarPath, 'damaged');
    await writeFile(second!.sidecarPath, 'damaged too');
    await using workers = await harness.startWorkers();
    const run = await harness.start();
    t.deepEqual((await harness.end(run)).progress, { done: 4, failed: 2, skipped: 0, total: 6 });
    const added = await harness.adoptMany(1);
    await writeFile(first!.sidecarPath, first!.original);
    const retry = await harness.startRetry(run.operationId);
    const operation = await harness.end(retry);
    t.deepEqual(operation.progress, { done: 1, failed: 1, skipped: 0, total: 2 });
    t.like(operation.result, { action: 'retry', of_run: run.operationId });
    const ids = async (id = run.operationId) =>
      (await harness.listFailures(id)).map(({ fileId }) => fileId);
    t.deepEqual(await ids(), [second!.fileId]);
    t.deepEqual(await ids(retry.operationId), [second!.fileId]);
    t.is((await judgeMigration(harness, run.operationId, added)).untouched, 1);

    // The retry of a retry; then one revert takes back what all of them have migrated.
    await writeFile(second!.sidecarPath, second!.original);
    await harness.end(await harness.startRetry(retry.operationId));
    t.deepEqual(await ids(), []);
    t.deepEqual(await ids(retry.operationId), []);
    t.is((await judgeMigration(harness, run.operationId, files)).migrated, 6);
    const refused = await t.throwsAsync(harness.startRevert(retry.operationId));
    t.true(isDomainError(refused, 'OPERATION_STATE_FORBIDS'));
    await harness.end(await harness.startRevert(run.operationId));
    t.is((await judgeMigration(harness, run.operationId, files)).untouched, 6);
    const empty = await t.throwsAsync(harness.startRetry(run.operationId));
    t.true(isDomainError(empty, 'SELECTION_EMPTY'));
    void workers;
  });
});

test('only a run that has ended can be retried or reverted', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    await harness.adoptMany(1);
    for (const start of [harness.startRetry, harness.startRevert]) {
      const error = await t.throwsAsync(start(newOperationId()));
      t.true(isDomainError(error, 'OPERATION_NOT_FOUND'));
    }
    const { operationId } = await harness.start();
    for (const start of [harness.startRetry, harness.startRevert]) {
      const error = await t.throwsAsync(start(operationId));
      t.true(isDomainError(error, 'OPERATION_STATE_FORBIDS'));
    }
  });
});

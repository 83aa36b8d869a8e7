import { rm, writeFile } from 'node:fs/promises';
import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import type { Operation } from '#domain/operations.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { adoptedDialects, type AdoptedTraits } from '#test/support/adopted-files.ts';
import { createLanes } from '#test/support/lanes.ts';
import { migrationRequest, openMigrationHarness } from '#test/support/migration-harness.ts';
import { judgeMigration } from '#test/support/migration-verdict.ts';

const inLane = createLanes(2);
const { selection } = migrationRequest;
let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const ofEachDialect = (count: number): AdoptedTraits[] =>
  adoptedDialects.flatMap((dialect) => Array.from({ length: count }, () => ({ dialect })));

function resultOf(operation: Operation): Record<string, unknown> {
  return operation.result as Record<string, unknown>;
}

test('every dialect is migrated once; what is damaged is a dead letter', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adopt(ofEachDialect(30));
    const [broken, missing, changed, newer] = await harness.adoptMany(4);
    await writeFile(broken!.sidecarPath, '{"file_id": ');
    await rm(missing!.sidecarPath);
    await writeFile(changed!.sidecarPath, `${changed!.original.toString()} `);
    const label = newer!.original.toString().replace('{', '{ "schema_version": "3.0",');
    await writeFile(newer!.sidecarPath, label);
    const [big] = await harness.adopt([{ members: { note: 'я'.repeat(1900) } }]);
    const [invalid] = await harness.adopt([
      { members: { revision: 7, integrity: { algorithm: 'sha-256', digest: '00' } } },
    ]);
    await harness.adoptMany(3, { dialect: 'v2.0' });
    await using workers = await harness.startWorkers();

    const run = await harness.start();
    const operation = await harness.end(run);
    t.is(operation.state, 'completed');
    t.deepEqual(operation.progress, { done: 150, failed: 6, skipped: 3, total: 159 });
    const result = resultOf(operation);
    t.like(result, {
      action: 'migrate',
      of_run: null,
      dry_run: false,
      skipped: { other_version: 3, frozen: 0, left_meanwhile: 0 },
    });
    t.deepEqual(
      result['dialects'],
      Object.fromEntries([...adoptedDialects].sort().map((dialect) => [dialect, 30])),
    );
    t.deepEqual(await judgeMigration(harness, run.operationId, files), {
      migrated: 150,
      untouched: 0,
      faults: [],
    });
    const failures = await harness.listFailures(run.operationId);
    const codeOf = new Map(failures.map(({ fileId, code }) => [fileId, code]));
    t.deepEqual(
      [broken, missing, changed, newer, big, invalid].map((file) => codeOf.get(file!.fileId)),
      [
        'ATTRIBUTES_MALFORMED',
        'SIDECAR_MISSING',
        'SIDECAR_CHANGED',
        'ATTRIBUTES_VERSION_UNSUPPORTED',
        'ATTRIBUTES_TOO_LARGE',
        'INTEGRITY_MISMATCH',
      ],
    );
    t.is(failures.length, 6);
    t.true(failures.every(({ path, elementId }) => path !== null && elementId !== null));
    t.true((await harness.read(big!)).equals(big!.original));
    // One event a chunk, with the files of it.
    const events = await harness.harness.catalogue.database.query<{ file_ids: string[] }>({
      text: `select file_ids from outbox where type = 'files.attributes_migrated'`,
    });
    t.is(events.length, 3);
    t.deepEqual(
      events.flatMap((event) => event.file_ids).sort(),
      files.map(({ fileId }) => fileId as string).sort(),
    );

    const again = await harness.end(await harness.start());
    t.is(again.state, 'completed');
    t.deepEqual(again.progress, { done: 0, failed: 6, skipped: 153, total: 159 });
    void workers;
  });
});

test('a dry run says what would be done, and does nothing', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adopt(ofEachDialect(4));
    const [broken] = await harness.adoptMany(1);
    await writeFile(broken!.sidecarPath, '[]');
    await using workers = await harness.startWorkers();
    const run = await harness.start({ dryRun: true });
    const operation = await harness.end(run);
    t.deepEqual(operation.progress, { done: 20, failed: 1, skipped: 0, total: 21 });
    t.like(resultOf(operation), { dry_run: true, failures: { ATTRIBUTES_INVALID: 1 } });
    t.is((await harness.listFailures(run.operationId))[0]?.fileId, broken!.fileId);
    t.deepEqual(await judgeMigration(harness, run.operationId, files), {
      migrated: 0,
      untouched: 20,
      faults: [],
    });
    const error = await t.throwsAsync(harness.startRevert(run.operationId));
    t.true(isDomainError(error, 'OPERATION_STATE_FORBIDS'));
    void workers;
  });
});

test('a mapping moves metadata, by its policy where the place is taken', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    await using workers = await harness.startWorkers();
    const metadata = { department: 'sales', number: 7 };
    const taken = { custom_attributes: { dept: 'legal' } };
    const mapping = { department: 'dept', number: 'no' };
    const [free] = await harness.adoptMany(1, { metadata });
    const [refused] = await harness.adoptMany(1, { metadata, members: taken });
    const run = await harness.start({ mapping });
    t.deepEqual((await harness.end(run)).progress, { done: 1, failed: 1, skipped: 0, total: 2 });
    const [failure] = await harness.listFailures(run.operationId);
    t.like(failure, { fileId: refused!.fileId, code: 'ATTRIBUTES_MAPPING_CONFLICT' });
    const membersOf = async (file = free!): Promise<unknown[]> => {
      const document = JSON.parse(String(await harness.read(file))) as Record<string, unknown>;
      return [document['metadata'], document['custom_attributes']];
    };
    t.deepEqual(await membersOf(), [{}, { dept: 'sales', no: 7 }]);
    await harness.end(await harness.start({ mapping, mappingPolicy: 'keep' }));
    t.deepEqual(await membersOf(refused), [{ department: 'sales' }, { dept: 'legal', no: 7 }]);
    const [replaced] = await harness.adoptMany(1, { metadata, members: taken });
    await harness.end(await harness.start({ mapping, mappingPolicy: 'replace' }));
    t.deepEqual(await membersOf(replaced), [{}, { dept: 'sales', no: 7 }]);
    // What is looked for by the new place is found.
    const row = await harness.world.findRow(replaced!.fileId);
    t.deepEqual((JSON.parse(row!.attributes) as { custom_attributes: unknown }).custom_attributes, {
      dept: 'sales',
      no: 7,
    });
    void workers;
  });
});

test('custom attributes that do not fit the template are dead letters', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adopt([
      { metadata: { kind: 'contract' } },
      { metadata: { kind: 7 } },
    ]);
    await using workers = await harness.startWorkers({
      migrate: {
        findFaults: (template, customAttributes) =>
          Promise.resolve(
            template === 'contract@3' && typeof customAttributes['kind'] === 'string'
              ? []
              : [{ pointer: '/custom_attributes/kind', message: 'must be string' }],
          ),
      },
    });
    const run = await harness.start({ mapping: { kind: 'kind' }, template: 'contract@3' });
    t.deepEqual((await harness.end(run)).progress, { done: 1, failed: 1, skipped: 0, total: 2 });
    const [failure] = await harness.listFailures(run.operationId);
    t.like(failure, { fileId: files[1]!.fileId, code: 'ATTRIBUTES_TEMPLATE_VIOLATED' });
    t.regex(failure?.detail ?? '', /contract@3.*kind must be string/);
    const document = JSON.parse(String(await harness.read(files[0]!))) as { template: unknown };
    t.is(document.template, 'contract@3');
    void workers;
  });
});

test('files on frozen elements are skipped', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const files = await harness.adoptMany(5);
    await harness.adoptMany(2, { dialect: 'v2.0' });
    const { database } = harness.harness.catalogue;
    for (const mode of ['ro', 'ar']) {
      await database.query(
        { text: 'update storage_elements set mode = $2 where element_id = $1' },
        [harness.harness.elementId, mode],
      );
      await using workers = await harness.startWorkers();
      const run = await harness.start();
      const operation = await harness.end(run);
      t.is(operation.state, 'completed');
      t.deepEqual(operation.progress, { done: 0, failed: 0, skipped: 7, total: 7 }, mode);
      t.like(resultOf(operation)['skipped'], { other_version: 2, frozen: 5 });
      const verdict = await judgeMigration(harness, run.operationId, files);
      t.deepEqual(verdict, { migrated: 0, untouched: 5, faults: [] });
      void workers;
    }
  });
});

test('a selection: named files, a range of creation; an empty one is refused', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    const named = await harness.adoptMany(3);
    const others = await harness.adoptMany(3);
    const [older] = await harness.adopt([{ members: { created_at: '2020-01-01T00:00:00+00:00' } }]);
    const [newest] = await harness.adoptMany(1, { dialect: 'v2.0' });
    await using workers = await harness.startWorkers();
    const fileIds = [...named, newest!].map(({ fileId }) => fileId);
    const run = await harness.start({ selection: { ...selection, fileIds } });
    t.deepEqual((await harness.end(run)).progress, { done: 3, failed: 0, skipped: 1, total: 4 });
    t.is((await judgeMigration(harness, run.operationId, named)).migrated, 3);
    t.is((await judgeMigration(harness, run.operationId, others)).untouched, 3);

    const createdTo = '2020-01-01T00:00:00+00:00' as typeof selection.createdTo;
    const createdFrom = createdTo;
    const second = await harness.start({ selection: { ...selection, createdFrom, createdTo } });
    t.deepEqual((await harness.end(second)).progress, { done: 1, failed: 0, skipped: 0, total: 1 });
    t.is((await judgeMigration(harness, second.operationId, [older!])).migrated, 1);

    const nothing = '1999-01-01T00:00:00+00:00' as typeof selection.createdTo;
    for (const empty of [
      { ...selection, createdTo: nothing },
      { ...selection, fileIds: [] },
    ]) {
      const error = await t.throwsAsync(harness.start({ selection: empty }));
      t.true(isDomainError(error, 'SELECTION_EMPTY'));
    }
    void workers;
  });
});

test('two runs never work on one element; one that ended by force frees it', async (t) => {
  await inLane(async () => {
    await using harness = await openMigrationHarness(temporal);
    await harness.adoptMany(2);
    const { elementId, catalogue } = harness.harness;
    // Nobody serves it yet.
    const first = await harness.start({ selection: { ...selection, elementId } });
    for (const refused of [selection, { ...selection, elementId }]) {
      const error = await t.throwsAsync(harness.start({ selection: refused }));
      t.true(isDomainError(error, 'OPERATION_IN_PROGRESS'));
      t.is(isDomainError(error) ? error.details.operationId : null, first.operationId);
    }
    await first.handle.terminate();
    const failure = { code: 'WORKFLOWS_UNAVAILABLE', detail: 'By the test.' } as const;
    const ending = { state: 'failed', failure } as const;
    await catalogue.journal.finishOperation(first.operationId, ['pending', 'running'], ending);
    await using workers = await harness.startWorkers();
    t.is((await harness.end(await harness.start())).progress?.done, 2);
    void workers;
  });
});

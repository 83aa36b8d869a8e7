import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { openReindexHarness } from '#test/support/reindex-harness.ts';
import type { ReindexProcessOrder } from '#test/support/reindex-process.ts';
import { playReindex, reindexScenarios, reindexedFiles } from '#test/support/reindex-scenarios.ts';
import { storeFiles } from '#test/support/stored-files.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal[Symbol.asyncDispose]());

for (const scenario of reindexScenarios) {
  test(`reindexing: ${scenario.name}`, async (t) => {
    const played = await playReindex(temporal, scenario);
    t.is(played.operation?.state, scenario.ends);
    t.is(played.hits, scenario.finds === 'all' ? reindexedFiles : 0);
    t.deepEqual(played.leftovers, []);
    if (scenario.ends === 'completed') {
      t.deepEqual(played.operation?.result, { indexed: reindexedFiles });
      t.like(played.operation?.progress, { done: reindexedFiles, total: reindexedFiles });
    }
  });
}

test('searches go on, and what happens meanwhile is in the new index', async (t) => {
  await using harness = await openReindexHarness(temporal);
  const { uploads, database } = harness.catalogue;
  const [first, second] = await storeFiles(uploads, [
    { originalFilename: 'Договор.pdf', createdAt: '2025-11-08T10:00:00Z' },
    { originalFilename: 'Устав.pdf', createdAt: '2025-11-08T11:00:00Z' },
  ]);
  const during: number[] = [];
  await using worker = await harness.startWorker({
    wrapActivities: (activities) => ({
      ...activities,
      async catchUp(input) {
        // The index is filled: one file more, one less, one that changes.
        await storeFiles(uploads, [{ originalFilename: 'Протокол.pdf' }]);
        await change(first!.fileId, 'изменилось');
        await change(second!.fileId, null);
        during.push(await harness.countHits('протокол'));
        return activities.catchUp!(input);
      },
      async swapIndex(input) {
        // After the last look at the feed; a follower would give it to the old index.
        await storeFiles(uploads, [{ originalFilename: 'Накладная.pdf' }]);
        return activities.swapIndex!(input);
      },
    }),
  });
  async function change(fileId: string, description: string | null): Promise<void> {
    await database.query(
      {
        text: `with changed as (
            update files set attributes = (attributes::jsonb || jsonb_build_object('description',
              $2::text))::json, tombstoned_at = case when $2::text is null then now() end
            where file_id = $1 returning file_id)
          insert into outbox (type, subject_type, subject_id, file_ids)
          select 'file.updated', 'file', file_id::text, array[file_id] from changed`,
      },
      [fileId, description],
    );
  }
  const { operationId, handle } = await harness.startReindex();
  // Only one at a time.
  const error = await t.throwsAsync(harness.startReindex());
  t.true(isDomainError(error, 'OPERATION_IN_PROGRESS'));
  t.is(isDomainError(error) ? error.details.operationId : null, operationId);
  await handle.result();
  t.deepEqual(during, [0], 'the serving index is the old one');
  t.is(await harness.countHits('протокол'), 1);
  t.is(await harness.countHits('изменилось'), 1);
  t.is(await harness.countHits('накладная'), 1);
  t.is(await harness.countHits('устав'), 0);
  t.is(await harness.index.countDocuments(), 3);
  void worker;
});

test('killed in the middle, it goes on from where it was', async (t) => {
  await using harness = await openReindexHarness(temporal);
  const count = 6;
  await storeFiles(
    harness.catalogue.uploads,
    Array.from({ length: count }, () => ({ originalFilename: 'Договор.pdf' })),
  );
  const { operationId, handle } = await harness.startReindex();
  const folder = await mkdtemp(join(tmpdir(), 'artstore-bundle-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const bundlePath = join(folder, 'bundle.js');
  await writeFile(bundlePath, temporal.workflowBundle.code);
  const order: ReindexProcessOrder = { place: harness.place, bundlePath };
  const script = fileURLToPath(new URL('../support/reindex-process.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(order)], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  await Promise.race([once(child, 'message'), exited]);
  child.kill('SIGKILL');
  await exited;
  await using worker = await harness.startWorker({ pace: { batchFiles: 1 } });
  await handle.result();
  t.is(await harness.countHits('договор'), count);
  t.is(await harness.index.countDocuments(), count);
  const operation = await harness.catalogue.operations.findOperation(operationId);
  t.is(operation?.state, 'completed');
  t.deepEqual(await harness.listLeftovers(), []);
  void worker;
});

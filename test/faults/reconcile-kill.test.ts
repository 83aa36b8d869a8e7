/**
 * The worker's process is killed in the middle of its repairs; another one goes on. Everything is
 * repaired once, and counted once.
 */
import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import { killAfter, repairPoints } from '#test/support/killed-reconcile.ts';
import { openReconcileHarness } from '#test/support/reconcile-harness.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

const orphans = ['a.pdf', 'b.pdf', 'c.pdf'].map((name) => `2020/01/02/03/${name}`);

for (const point of repairPoints) {
  test.serial(
    `a worker killed after ${point} leaves what another one brings to its end`,
    async (t) => {
      await using harness = await openReconcileHarness(temporal);
      const { world } = harness;
      const fileIds = await world.storeFiles(6);
      const unknown = fileIds.slice(3);
      const { database } = world.harness.catalogue;
      await database.query({ text: 'delete from files where file_id = any($1::uuid[])' }, [
        unknown,
      ]);
      await database.query({ text: 'update storage_elements set used_bytes = 3 * 4096' });
      for (const path of orphans) await harness.put(path, path, 48);

      const started = await harness.start(true);
      await killAfter({ temporal, harness, point });
      await using worker = await harness.startWorker();
      const { operation, found } = await harness.findEnd(started);
      t.is(operation.state, 'completed', JSON.stringify(operation.error));
      t.like(operation.result, {
        files: 9,
        sound: 3,
        wrong: 6,
        findings: { CONTENT_ORPHANED: 3, ROW_MISSING: 3 },
        repaired: { rows_added: 3, contents_quarantined: 3, left: 0 },
      });
      t.is(found.length, 6);

      const quarantine = await harness.listQuarantine();
      t.deepEqual(quarantine.map(({ reason }) => reason['path'] as string).sort(), orphans);
      for (const { content, reason } of quarantine) t.is(content, reason['path'] as string);
      for (const fileId of fileIds) {
        t.truthy(await world.findRow(fileId));
        const events = await world.eventsOf(fileId);
        t.deepEqual(
          events,
          unknown.includes(fileId) ? ['file.stored', 'files.rebuilt'] : ['file.stored'],
        );
      }
      t.is((await world.harness.counters()).usedBytes, 6 * 4096);
      const report = await world.harness.readElement();
      t.is(report.whole.length, 6);
      t.deepEqual([report.content_without_sidecar, report.damaged], [[], []]);
      t.deepEqual((await harness.run(false)).found, []);
      void worker;
    },
  );
}

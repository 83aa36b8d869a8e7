/**
 * The whole system with one of its processes killed, at each step of `storeFiles`. `npm test` does
 * each once; ARTSTORE_FAULT_RUNS=20 repeats them.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sweepElementId } from '#workflows/messages.ts';
import type { ElementId } from '#domain/ids.ts';
import { barrierPoints, type BarrierPoint } from './barrier-visit.ts';
import { elementIds, startSupervisedSystem, type SupervisedSystem } from './system-stack.ts';
import {
  makeDocument,
  sendDocument,
  sendSlowly,
  type Document,
  type Sent,
} from './system-uploads.ts';
import { findCounters, inspect, judge } from './system-verdict.ts';
import { waitUntil } from './system-wait.ts';

const victims = ['api', 'worker', 'temporal', 'postgres'] as const;
type Victim = (typeof victims)[number];
const runs = Number(process.env['ARTSTORE_FAULT_RUNS'] ?? 1);
const held = 'edit-01';

let system: SupervisedSystem;
/** Everything that was ever sent: what was acknowledged once must be there in the end. */
const allSent: Sent[] = [];

test.before(async () => {
  system = await startSupervisedSystem();
});

test.after.always(() => system?.[Symbol.asyncDispose]());

for (let run = 1; run <= runs; run += 1) {
  for (const point of barrierPoints) {
    for (const victim of victims) {
      test.serial(`kill -9 of ${victim} ${point}, run ${run}`, (t) => killAt(t, point, victim));
    }
  }
}

test.serial('after all that the sweep leaves nothing', async (t) => {
  t.timeout(400_000);
  await sweepUntil('every upload is finished and staging is empty', async () => {
    const counters = await findCounters(system);
    return (
      counters.every((row) => Number(row.reserved_bytes) === 0 && Number(row.unfinished) === 0) &&
      (await listStaged()).length === 0
    );
  });
  const rows = await system.query('SELECT file_id FROM uploads WHERE reserved_bytes <> 0');
  t.deepEqual(rows, []);
  t.deepEqual(await judge(await inspect(system), allSent), []);
});

async function killAt(t: ExecutionContext, point: BarrierPoint, victim: Victim): Promise<void> {
  t.timeout(400_000);
  // One group waits at its first step until the others have been received: they form the next.
  const first = system.barrier.hold(
    (visit) => visit.elementId === held && visit.point === 'before claimGroup',
  );
  const target = system.barrier.hold(
    (visit) => visit.elementId === held && visit.point === point && visit.fileCount > 1,
  );
  const slow = sendSlowly(system, makeDocument(300_000, { policy: 'permanent' }));
  const sending = [sendDocument(system, makeDocument(10))];
  await first.reached;
  const documents = [
    makeDocument(0),
    makeDocument(1),
    makeDocument(4096, { hasKey: true }),
    makeDocument(65_537),
    makeDocument(1_048_593),
    makeDocument(0, { hasKey: true }),
    makeDocument(200_000, { hasKey: true }),
  ];
  const elsewhere = [
    makeDocument(5000, { policy: 'permanent' }),
    makeDocument(70_000, { policy: 'permanent', hasKey: true }),
  ];
  sending.push(...[...documents, ...elsewhere].map((document) => sendDocument(system, document)));
  await waitUntil('the others are received', () => areStaged(documents));
  first.release();
  await target.reached;

  const gone = await system.kill(victim);
  target.release();
  slow.finish();
  // Whose API died before a group took it holds its place until its lease, or its time, ends.
  const sent = await Promise.all([...sending, slow.sent]);
  allSent.push(...sent);
  await system.whenBack(victim, gone);
  await sweepUntil('what is left belongs to senders that got no answer', async () => {
    const rows = await system.query<{ file_id: string; state: string }>(
      'SELECT file_id, state FROM uploads WHERE finished_at IS NULL',
    );
    const waiting = new Set(rows.map(({ file_id: id }) => id));
    return (
      rows.every(({ state }) => state !== 'committing') &&
      (await listStaged()).every((name) => waiting.has(name))
    );
  });
  t.deepEqual(await judge(await inspect(system), allSent), []);
});

async function killAt(t: ExecutionContext, point: BarrierPoint, victim: Victim): Promise<void> {
  t.timeout(400_000);
  // One group waits at its first step until the others have been received: they form the next.
  const first = system.barrier.hold(
    (visit) => visit.elementId === held && visit.point === 'before claimGroup',
  );
  const target = system.barrier.hold(
    (visit) => visit.elementId === held && visit.point === point && visit.fileCount > 1,
  );
  const slow = sendSlowly(system, makeDocument(300_000, { policy: 'permanent' }));
  const sending = [sendDocument(system, makeDocument(10))];
  await first.reached;
  const documents = [
    makeDocument(0),
    makeDocument(1),
    makeDocument(4096, { hasKey: true }),
    makeDocument(65_537),
    makeDocument(1_048_593),
    makeDocument(0, { hasKey: true }),
    makeDocument(200_000, { hasKey: true }),
  ];
  const elsewhere = [
    makeDocument(5000, { policy: 'permanent' }),
    makeDocument(70_000, { policy: 'permanent', hasKey: true }),
  ];
  sending.push(...[...documents, ...elsewhere].map((document) => sendDocument(system, document)));
  await waitUntil('the others are received', () => areStaged(documents));
  first.release();
  await target.reached;

  const gone = await system.kill(victim);
  target.release();
  slow.finish();
  // Whose API died before a group took it holds its place until its lease, or its time, ends.
  const sent = await Promise.all([...sending, slow.sent]);
  allSent.push(...sent);
  await system.whenBack(victim, gone);
  await sweepUntil('nobody but dead senders holds anything', async () => {
    const unfinished = await system.query(
      `SELECT file_id, element_id, state, size_bytes, group_id FROM uploads WHERE state IN ('staged', 'committing')`,
    );
    if (unfinished.length > 0) throw new Error(JSON.stringify(unfinished));
    return unfinished.length === 0 && (await areOnlyReceiving(await listStaged()));
  });
  t.deepEqual(await judge(await inspect(system), allSent), []);
}

async function areStaged(documents: readonly Document[]): Promise<boolean> {
  const folder = join(system.rootOf(held), '.artstore', 'staging');
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
  );
  const rest = [...sizes];
  return documents.every(({ content }) => {
    const index = rest.indexOf(content.length);
    if (index >= 0) rest.splice(index, 1);
    return index >= 0;
  });
}

async function listStaged(): Promise<string[]> {
  const names = await Promise.all(
    elementIds.map((id) => readdir(join(system.rootOf(id), '.artstore', 'staging'))),
  );
  return names.flat();
}

/** Does not wait for the schedule's next time. */
async function sweepUntil(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  await waitUntil(what, async () => {
    if (await isTrue()) return true;
    await system.withTemporal(async (client) => {
      for (const id of elementIds) {
        await client.schedule.getHandle(sweepElementId(id as ElementId)).trigger();
      }
    });
    return isTrue();
  });
}

/**
 * The whole system with one of its processes killed, at each step of `storeFiles`. `npm test` does
 * each once; ARTSTORE_FAULT_RUNS=20 repeats them.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { barrierPoints, type BarrierPoint } from './barrier-visit.ts';
import { startSupervisedSystem, type SupervisedSystem } from './system-stack.ts';
import { listStaged, sweepUntil, sweepUntilNothingIsLeft } from './system-sweep.ts';
import {
  makeDocument,
  sendDocument,
  sendSlowly,
  type Document,
  type Sent,
} from './system-uploads.ts';
import { inspect, judge } from './system-verdict.ts';
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
  t.timeout(600_000);
  await sweepUntilNothingIsLeft(system);
  t.deepEqual(await system.query('SELECT file_id FROM uploads WHERE reserved_bytes <> 0'), []);
  t.deepEqual(await judge(await inspect(system), allSent), []);
});

async function killAt(t: ExecutionContext, point: BarrierPoint, victim: Victim): Promise<void> {
  t.timeout(600_000);
  // One group waits at its first step until the others have been received: they form the next.
  const first = system.barrier.hold(
    (visit) => visit.point === 'before claimGroup' && visit.elementId === held,
  );
  const target = system.barrier.hold(
    (visit) => visit.point === point && visit.elementId === held && visit.fileCount > 1,
  );
  const slow = sendSlowly(system, makeDocument(300_000, { policy: 'permanent' }));
  const before = makeDocument(5000, { policy: 'permanent', hasKey: true });
  const sending = [sendDocument(system, makeDocument(10)), sendDocument(system, before)];
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
  sending.push(...documents.map((document) => sendDocument(system, document)));
  await waitUntil('the others are received', () => areStaged(documents));
  // The other element has nothing under way then but what is being received.
  await sending[1];
  first.release();
  await target.reached;

  const gone = await system.kill(victim);
  target.release();
  slow.finish();
  const sent = await Promise.all([...sending, slow.sent]);
  allSent.push(...sent);
  await system.whenBack(victim, gone);
  // Whose API died before a group took it holds its place until its lease, or its time, ends:
  // that is what the last test waits for.
  await sweepUntil(system, 'what is left belongs to senders without an answer', async () => {
    const rows = await system.query<{ file_id: string; state: string }>(
      'SELECT file_id, state FROM uploads WHERE finished_at IS NULL',
    );
    const waiting = new Set(rows.map(({ file_id: id }) => id));
    return (
      rows.every(({ state }) => state !== 'committing') &&
      (await listStaged(system)).every((name) => waiting.has(name))
    );
  });
  t.deepEqual(await judge(await inspect(system), allSent), []);
}

async function areStaged(documents: readonly Document[]): Promise<boolean> {
  const folder = join(system.rootOf(held), '.artstore', 'staging');
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
  );
  return documents.every(({ content }) => {
    const index = sizes.indexOf(content.length);
    if (index >= 0) sizes.splice(index, 1);
    return index >= 0;
  });
}

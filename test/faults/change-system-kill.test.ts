/**
 * The whole system with one of its processes killed while changes and deletions stand at each of
 * their steps. `npm test` does each once; ARTSTORE_FAULT_RUNS=20 repeats them.
 */
import test, { type ExecutionContext } from 'ava';
import { setScene, storeFiles } from './change-scene.ts';
import { compareWithApi, findRecords, findUnended, judgeChanges } from './change-verdict.ts';
import {
  lookAgain,
  sendDelete,
  sendPatch,
  type SentChange,
  type StandingFile,
} from './system-changes.ts';
import { startSupervisedSystem, type SupervisedSystem } from './system-stack.ts';
import { listStaged, sweepUntil, sweepUntilNothingIsLeft } from './system-sweep.ts';
import type { Sent } from './system-uploads.ts';
import { inspect, judge } from './system-verdict.ts';
import { waitUntil } from './system-wait.ts';

const victims = ['api', 'worker', 'temporal', 'postgres'] as const;
type Victim = (typeof victims)[number];
const runs = Number(process.env['ARTSTORE_FAULT_RUNS'] ?? 1);
const mostTries = 20;

let system: SupervisedSystem;
/** Every document that was ever stored, and the last change that was asked of each. */
const allStored: Sent[] = [];
const lastChanges = new Map<string, SentChange>();

test.before(async () => {
  system = await startSupervisedSystem();
});

test.after.always(() => system?.[Symbol.asyncDispose]());

for (let run = 1; run <= runs; run += 1) {
  for (const victim of victims) {
    test.serial(`kill -9 of ${victim} at every step of PATCH and DELETE, run ${run}`, (t) =>
      killInTheMiddle(t, victim),
    );
  }
  test.serial(`kill -9 of api and temporal between the row and the workflow, run ${run}`, (t) =>
    loseTheStart(t),
  );
}

test.serial('after all that the sweep leaves nothing', async (t) => {
  t.timeout(600_000);
  await sweepUntilNothingIsLeft(system);
  await assertWhole(t);
});

async function killInTheMiddle(t: ExecutionContext, victim: Victim): Promise<void> {
  t.timeout(600_000);
  const staged: Promise<readonly SentChange[]>[] = [];
  const scene = await setScene(system, (stored, changes) => {
    allStored.push(...stored);
    staged.push(changes);
  });
  const gone = await system.kill(victim);
  scene.release();
  for (const changes of await Promise.all(staged)) changes.forEach(remember);
  t.log((await scene.changes).map(({ name, answer }) => `${name}: ${answer.kind}`).join(', '));
  await system.whenBack(victim, gone);
  await untilAllHaveEnded();
  await assertWhole(t);
  await assertFree(t, await scene.changes);
}

/** Nobody but the sweep knows of what has a row and never got a workflow. */
async function loseTheStart(t: ExecutionContext): Promise<void> {
  t.timeout(600_000);
  const started = await startWithoutWorkflow();
  const patched = await started.patched;
  const deleted = await started.deleted;
  const deletedAgain = await started.deletedAgain;
  const broken = { kind: 'broken' } as const;
  t.deepEqual(
    [patched, deleted, deletedAgain].map(({ answer }) => answer),
    [broken, broken, broken],
  );

  // Who deletes again goes on with the deletion that was never handed over.
  const repeated = await sendDelete(system, deletedAgain.before, 'the DELETE that was repeated');
  t.is(repeated.answer.kind, 'accepted');
  remember(repeated);
  // As if the time had passed after which an operation is looked at.
  await system.query(
    `UPDATE operations SET updated_at = now() - interval '1 hour' WHERE finished_at IS NULL`,
  );
  await untilAllHaveEnded();
  await assertWhole(t);
  const { operations } = await findRecords(system, [deletedAgain]);
  t.is(operations.length, 1);
  const untaken = [patched, deleted];
  const { operations: lost } = await findRecords(system, untaken);
  t.deepEqual(
    lost.map(({ state }) => state),
    ['failed', 'failed'],
  );
  await assertFree(t, untaken);
}

interface Started {
  readonly patched: Promise<SentChange>;
  readonly deleted: Promise<SentChange>;
  readonly deletedAgain: Promise<SentChange>;
}

/** While Temporal answers nobody: an API that knows of it already refuses, and is asked again. */
async function startWithoutWorkflow(): Promise<Started> {
  for (let tries = 1; tries <= mostTries; tries += 1) {
    const files = await storeFiles(system, 3);
    const [first, second, third] = files;
    if (first === undefined || second === undefined || third === undefined) break;
    allStored.push(...files.map(({ sent }) => sent));
    await system.freeze('temporal');
    const started = {
      patched: sendPatch(system, first, 'the PATCH without a workflow'),
      deleted: sendDelete(system, second, 'the DELETE without a workflow'),
      deletedAgain: sendDelete(system, third, 'the DELETE without a workflow, the first time'),
    };
    const changes = Object.values(started);
    for (const change of changes) void change.then(remember);
    if (await haveRows(files, changes)) {
      const goneApi = await system.kill('api');
      const goneTemporal = await system.kill('temporal');
      await system.whenBack('api', goneApi);
      await system.whenBack('temporal', goneTemporal);
      return started;
    }
    await system.thaw('temporal');
    await Promise.all(changes);
  }
  throw new Error('no change was taken while Temporal did not answer');
}

/** @returns false when one of them was answered first. */
async function haveRows(
  files: readonly StandingFile[],
  changes: readonly Promise<SentChange>[],
): Promise<boolean> {
  let isAnswered = false;
  void Promise.race(changes).then(() => {
    isAnswered = true;
  });
  return waitUntil('all have their rows, or one is answered', async () => {
    const rows = await system.query(
      `SELECT operation_id FROM operations WHERE subject_id = ANY($1) AND state = 'pending'`,
      [files.map(({ fileId }) => fileId)],
    );
    if (isAnswered) return 'answered';
    return rows.length === files.length && 'rows';
  }).then((seen) => seen === 'rows');
}

function remember(change: SentChange): void {
  lastChanges.set(change.before.fileId, change);
}

/** No claim, no hidden file, no operation under way, no sidecar that was moved away. */
async function untilAllHaveEnded(): Promise<void> {
  await sweepUntil(system, 'every change has ended', async () => {
    const staged = await listStaged(system);
    const isMoved = staged.some((name) => name.startsWith('deleted.'));
    return !isMoved && (await findUnended(system)).length === 0;
  });
}

async function assertWhole(t: ExecutionContext): Promise<void> {
  const changes = [...lastChanges.values()];
  const findings = await inspect(system);
  const records = await findRecords(system, changes);
  const kept = allStored.filter(
    ({ answer }) => answer.kind === 'stored' && !records.tombstones.has(answer.fileId),
  );
  t.deepEqual(await findUnended(system), []);
  t.deepEqual(await judge(findings, kept), []);
  t.deepEqual(judgeChanges(findings, records, changes), []);
  t.deepEqual(await compareWithApi(system, { findings, records }), []);
}

/** Nothing holds what is left: each file can be changed again, and what is gone stays so. */
async function assertFree(t: ExecutionContext, changes: readonly SentChange[]): Promise<void> {
  const { tombstones } = await findRecords(system, changes);
  for (const { before, name } of changes) {
    const again = tombstones.has(before.fileId)
      ? await sendDelete(system, before, `a DELETE after ${name}`)
      : await sendPatch(system, await lookAgain(system, before), `a PATCH after ${name}`);
    if (again.method === 'PATCH') {
      t.is(again.answer.kind, 'changed', again.name);
      remember(again);
    } else {
      const expected = { kind: 'refused', status: 404, code: 'FILE_NOT_FOUND' } as const;
      t.deepEqual(again.answer, expected, again.name);
    }
  }
  await assertWhole(t);
}

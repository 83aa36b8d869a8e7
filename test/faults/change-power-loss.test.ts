/**
 * The whole system on a file system of its own that loses its power while attributes are changed
 * and files are deleted.
 */
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { startEmbedded } from '#test/support/embedded-process.ts';
import { openLossyFilesystem } from '#test/support/lossy-filesystem.ts';
import { compareWithApi, findRecords, findUnended, judgeChanges } from './change-verdict.ts';
import {
  findStanding,
  lookAgain,
  sendDelete,
  sendPatch,
  type SentChange,
  type StandingFile,
} from './system-changes.ts';
import { killAll } from './system-power.ts';
import { connectSystem, type System } from './system-stack.ts';
import { makeDocument, sendDocument, type Sent } from './system-uploads.ts';
import { inspect, judge } from './system-verdict.ts';
import { waitUntil } from './system-wait.ts';

const imageBytes = 8_589_934_592;
const storing = 16;
const patchers = 8;
const deleters = 8;
const filesPerDeleter = 60;
const sizesBytes = [4096, 0, 70_000];
/** Whichever comes first; the clients go on while the power is cut. */
const enough = { deleted: 150, ms: 20_000 };
const operationPauseMs = 50;

test('no acknowledged change is lost and no deletion undone when the power goes', async (t) => {
  t.timeout(600_000);
  await using lossy = await openLossyFilesystem(imageBytes);
  // PostgreSQL runs as another user when the tests run as root, and has to come through.
  for (const path of [dirname(lossy.path), lossy.path]) await chmod(path, 0o711);
  const dataDirectory = join(lossy.path, 'data');
  try {
    const machine = await startEmbedded(dataDirectory);
    const pids = Object.values(machine.ready().processes);
    const system = connectSystem(dataDirectory);
    const stored = await storeAll(system, patchers + deleters * filesPerDeleter);
    const seen = await changeUntilCut(system, await findStanding(system, stored), async () => {
      await lossy.cutPower();
      await killAll(dataDirectory, pids);
    });
    const counts = `${seen.patchedCount} PATCHes, ${seen.deleted.size} DELETEs`;
    t.log(`${counts} had happened; ${seen.changes.length} files were asked to change`);
    t.true(seen.patchedCount >= patchers);
    t.true(seen.deleted.size >= deleters);
    t.true(
      seen.changes.some(({ answer }) => answer.kind === 'broken'),
      'some were under way',
    );
    await lossy.restorePower();

    const next = await startEmbedded(dataDirectory);
    await assertKept(t, connectSystem(dataDirectory), { ...seen, stored });
    t.is(await next.end('SIGTERM'), 0);
  } finally {
    await killAll(dataDirectory);
  }
});

interface Seen {
  /** The last one of each file that was asked to change. */
  readonly changes: readonly SentChange[];
  readonly patchedCount: number;
  /** Files whose deletion was told to have completed. */
  readonly deleted: ReadonlySet<string>;
}

async function assertKept(
  t: ExecutionContext,
  system: System,
  seen: Seen & { readonly stored: readonly Sent[] },
): Promise<void> {
  // What was under way goes on by itself; nobody asks for it again.
  await waitUntil('every change has ended', async () => (await findUnended(system)).length === 0);
  const findings = await inspect(system);
  const records = await findRecords(system, seen.changes);
  const kept = seen.stored.filter(
    ({ answer }) => answer.kind === 'stored' && !records.tombstones.has(answer.fileId),
  );
  t.deepEqual(await judge(findings, kept), []);
  t.deepEqual(judgeChanges(findings, records, seen.changes), []);
  t.deepEqual(
    [...seen.deleted].filter((id) => !records.tombstones.has(id)),
    [],
  );
  t.deepEqual(await compareWithApi(system, { findings, records }), []);
}

async function storeAll(system: System, count: number): Promise<Sent[]> {
  const stored: Sent[] = [];
  let started = 0;
  async function runClient(): Promise<void> {
    while (started < count) {
      const size = sizesBytes[started % sizesBytes.length] ?? 0;
      started += 1;
      stored.push(await sendDocument(system, makeDocument(size, { hasKey: true })));
    }
  }
  await Promise.all(Array.from({ length: storing }, runClient));
  return stored;
}

/** Some clients change one file each, over and over; the others delete one file after another. */
async function changeUntilCut(
  system: System,
  files: readonly StandingFile[],
  cut: () => Promise<void>,
): Promise<Seen> {
  const changes: SentChange[] = [];
  const deleted = new Set<string>();
  let patchedCount = 0;
  let isCut = false;
  const { promise: isEnough, resolve: say } = Promise.withResolvers<void>();
  const timer = setTimeout(say, enough.ms);

  async function patch(file: StandingFile): Promise<void> {
    for (let before = file; ;) {
      const change = await sendPatch(system, before);
      const isDone = change.answer.kind === 'changed';
      // Without power nothing can be read any more either.
      const next = isDone && !isCut ? await lookAgain(system, before).catch(() => null) : null;
      if (isDone) patchedCount += 1;
      if (next === null) {
        changes.push(change);
        return;
      }
      before = next;
    }
  }

  async function deleteAll(own: readonly StandingFile[]): Promise<void> {
    for (const file of own) {
      const change = await sendDelete(system, file);
      changes.push(change);
      // Also a client gives up when nobody is there any more.
      if (change.answer.kind !== 'accepted') return;
      if (!(await isCompleted(system, change.answer.operationId))) return;
      deleted.add(file.fileId);
      if (deleted.size >= enough.deleted) say();
    }
  }

  const clients = [
    ...files.slice(0, patchers).map(patch),
    ...Array.from({ length: deleters }, (_, index) => {
      const start = patchers + index * filesPerDeleter;
      return deleteAll(files.slice(start, start + filesPerDeleter));
    }),
  ];
  await isEnough;
  clearTimeout(timer);
  await cut();
  isCut = true;
  await Promise.all(clients);
  return { changes, patchedCount, deleted };
}

/** Asks until the operation has ended. @returns false when nobody answers any more. */
async function isCompleted(system: System, operationId: string): Promise<boolean> {
  for (;;) {
    try {
      const response = await system.fetch(`/api/v1/operations/${operationId}`);
      const { state } = (await response.json()) as { state?: string };
      if (response.status !== 200) return false;
      if (state === 'completed') return true;
      if (state !== 'pending' && state !== 'running') return false;
    } catch {
      return false;
    }
    await delay(operationPauseMs);
  }
}

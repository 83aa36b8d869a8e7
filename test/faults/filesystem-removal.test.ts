import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readElement } from '#test/support/independent-reader.ts';
import { makeElement, startDriver, type DriverProcess } from './filesystem-driver-process.ts';
import { removeFiles } from './filesystem-removal-steps.ts';
import { faultFiles, runSteps } from './filesystem-steps.ts';
import { traceWhile, type Injection, type SystemCall, type TracedCall } from './strace.ts';

const fileIds = faultFiles.map(({ fileId }) => fileId);
/** Calls whose failure must reach whoever asked: none of them may be shrugged off. */
const changingCalls: readonly TracedCall[] = ['fsync', 'rename', 'unlink'];

async function withStoredFiles(run: (root: string) => Promise<void>): Promise<void> {
  const root = await makeElement();
  try {
    await runSteps(root, new Set());
    await run(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function countCalls(driver: DriverProcess): Promise<Map<TracedCall, number>> {
  const counts = new Map<TracedCall, number>();
  await withStoredFiles(async (root) => {
    const { calls } = await traceWhile(driver.child, () => driver.removeFiles(root));
    for (const call of calls) {
      // Node itself opens a file of the system now and then, on a thread of its own.
      if (call.name === 'openat' && !call.args.includes(root)) continue;
      const name = call.name as TracedCall;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  });
  return counts;
}

const isBefore = (first: SystemCall, then: SystemCall): boolean => first.endLine < then.startLine;

test('a file goes in the order of the protocol, each step durable before the next', async (t) => {
  const driver = await startDriver(16);
  t.teardown(() => driver.end());
  await withStoredFiles(async (root) => {
    const { calls } = await traceWhile(driver.child, () => driver.removeFiles(root));
    const only = (name: string, pattern: string): SystemCall => {
      const found = calls.filter((call) => call.name === name && call.args.includes(pattern));
      t.is(found.length, 1, `${name} ${pattern}`);
      return found[0]!;
    };
    const isSyncedBetween = (directory: string, first: SystemCall, then: SystemCall): boolean =>
      calls.some(
        (call) =>
          call.name === 'fsync' &&
          call.args.endsWith(`<${directory}>`) &&
          isBefore(first, call) &&
          isBefore(call, then),
      );
    const staging = join(root, '.artstore', 'staging');
    for (const file of faultFiles) {
      const directory = join(root, file.storagePath.slice(0, -1));
      const content = join(directory, file.storageFilename);
      const away = join(staging, `deleted.${file.fileId}.attr.json`);
      const sidecarRename = only('rename', `"${content}.attr.json", "${away}"`);
      const contentUnlink = only('unlink', `"${content}"`);
      const awayUnlink = only('unlink', `"${away}"`);
      t.true(isSyncedBetween(staging, sidecarRename, contentUnlink));
      t.true(isSyncedBetween(directory, sidecarRename, contentUnlink));
      t.true(isSyncedBetween(directory, contentUnlink, awayUnlink));
    }
  });
});

test('every call in turn fails: what is said to be there is whole, and repeating ends it', async (t) => {
  const driver = await startDriver(1);
  t.teardown(() => driver.end());
  const counts = await countCalls(driver);
  for (const call of ['openat', 'statx', 'readlink', ...changingCalls] as const) {
    const count = counts.get(call) ?? 0;
    t.true(count > 0, call);
    for (let nth = 1; nth <= count; nth += 1) {
      await checkFault(t, driver, { call, nth, effect: 'error=EIO' });
    }
  }
});

test('every call in turn is the last of its process, and repeating ends it', async (t) => {
  const drivers = new Set<Promise<DriverProcess>>();
  t.teardown(() => Promise.all([...drivers].map(async (driver) => (await driver).end())));
  const startNext = (): Promise<DriverProcess> => {
    const driver = startDriver(1);
    drivers.add(driver);
    return driver;
  };
  const counts = await countCalls(await startNext());
  const kills = (['openat', ...changingCalls] as const).flatMap((call) =>
    Array.from({ length: counts.get(call) ?? 0 }, (_, index) => ({ call, nth: index + 1 })),
  );
  t.true(kills.length > 10);
  let next = startNext();
  for (const kill of kills) {
    const current = next;
    next = startNext();
    await checkFault(t, await current, { ...kill, effect: 'signal=KILL' });
    drivers.delete(current);
  }
});

async function checkFault(
  t: ExecutionContext,
  driver: DriverProcess,
  injection: Injection,
): Promise<void> {
  const title = `${injection.call} ${injection.nth} ${injection.effect}`;
  await withStoredFiles(async (root) => {
    const traced = await traceWhile(driver.child, () => driver.removeFiles(root), injection);
    t.true(traced.isInjected, title);
    const { result } = traced;
    t.is(result === null, injection.effect.startsWith('signal='), title);
    const report = await readElement(root);
    t.deepEqual([report.damaged, report.sidecar_without_content, report.temporary], [[], [], []]);
    const whole = new Set(report.whole.map(({ file_id }) => file_id));
    if (result !== null) {
      for (const fileId of result.removed) t.false(whole.has(fileId), title);
      for (const fileId of result.kept) t.true(whole.has(fileId), title);
      for (const code of result.codes) t.is(code, 'ELEMENT_UNAVAILABLE', title);
      if (changingCalls.includes(injection.call)) t.not(result.codes.length, 0, title);
    }

    const repeated = await removeFiles(root);
    // What was discarded before the process died is not found again: its row is gone by then.
    const isSettled = repeated.codes.every((code) => code === 'CONTENT_MISSING');
    t.true(isSettled, `${title}: ${repeated.codes.join(', ')}`);
    const left = await readElement(root);
    t.deepEqual(
      [left.whole, left.content_without_sidecar, left.sidecar_without_content, left.staging],
      [[], [], [], []],
      title,
    );
    t.deepEqual([...repeated.removed, ...repeated.kept].toSorted(), fileIds.toSorted());
  });
}

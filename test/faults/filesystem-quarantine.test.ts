import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readElement } from '#test/support/independent-reader.ts';
import { makeElement, startDriver, type DriverProcess } from './filesystem-driver-process.ts';
import { putContents, quarantineOperation, setFilesAside } from './filesystem-quarantine-steps.ts';
import { faultFiles } from './filesystem-steps.ts';
import { traceWhile, type Injection, type SystemCall, type TracedCall } from './strace.ts';

/** Calls whose failure must reach whoever asked: none of them may be shrugged off. */
const changingCalls: readonly TracedCall[] = ['mkdir', 'pwrite64', 'pwritev', 'fsync', 'rename'];

async function withOrphans(run: (root: string) => Promise<void>): Promise<void> {
  const root = await makeElement();
  try {
    await putContents(root);
    await run(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function countCalls(driver: DriverProcess): Promise<Map<TracedCall, number>> {
  const counts = new Map<TracedCall, number>();
  await withOrphans(async (root) => {
    const { calls } = await traceWhile(driver.child, () => driver.setFilesAside(root));
    for (const call of calls) {
      // Node itself opens a file of the system now and then, on a thread of its own.
      if (call.name === 'openat' && !call.args.includes(root)) continue;
      const name = call.name as TracedCall;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  });
  return counts;
}

interface Quarantined {
  readonly content: Buffer;
  readonly path: string;
}

/** Everything in quarantine. @throws when something stands there without its reason */
async function readQuarantine(root: string): Promise<Quarantined[]> {
  const folder = join(root, '.artstore', 'quarantine');
  const found: Quarantined[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.includes('.')) continue;
    const path = join(entry.parentPath, entry.name);
    const reason = JSON.parse(await readFile(`${path}.json`, 'utf8')) as { path: string };
    found.push({ content: await readFile(path), path: reason.path });
  }
  return found;
}

const isBefore = (first: SystemCall, then: SystemCall): boolean => first.endLine < then.startLine;

test('content goes aside after its reason, and both directories are made durable', async (t) => {
  const driver = await startDriver(16);
  t.teardown(() => driver.end());
  await withOrphans(async (root) => {
    const { calls } = await traceWhile(driver.child, () => driver.setFilesAside(root));
    const quarantine = join(root, '.artstore', 'quarantine');
    const aside = join(quarantine, quarantineOperation);
    const syncsOf = (directory: string): SystemCall[] =>
      calls.filter(({ name, args }) => name === 'fsync' && args.endsWith(`<${directory}>`));
    const renames = calls.filter(({ name }) => name === 'rename');
    t.is(renames.length, 2 * faultFiles.length);
    for (const file of faultFiles) {
      const directory = join(root, file.storagePath.slice(0, -1));
      const moved = renames.find(({ args }) => args.includes(`"${directory}/`))!;
      const reason = renames.find(
        (call) => call.args.includes('.json"') && isBefore(call, moved) && wasLast(call, moved),
      );
      t.truthy(reason, 'a reason is renamed into place right before its content');
      const written = calls.find(
        (call) => call.name === 'fsync' && call.args.includes('.json.') && isBefore(call, reason!),
      );
      t.truthy(written, 'and was made durable before that');
      const [first] = syncsOf(aside).filter((call) => isBefore(moved, call));
      t.true(syncsOf(directory).some((call) => isBefore(first!, call)));
    }
    t.true(syncsOf(quarantine).some((call) => isBefore(call, renames[0]!)));

    function wasLast(call: SystemCall, moved: SystemCall): boolean {
      return !renames.some((other) => isBefore(call, other) && isBefore(other, moved));
    }
  });
});

test('every call in turn fails: nothing is lost or unexplained, and repeating ends it', async (t) => {
  const driver = await startDriver(1);
  t.teardown(() => driver.end());
  const counts = await countCalls(driver);
  for (const call of ['openat', 'statx', 'readlink', 'mkdir', 'fsync', 'rename'] as const) {
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
  const kills = (['openat', 'mkdir', 'fsync', 'rename'] as const).flatMap((call) =>
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
  await withOrphans(async (root) => {
    const traced = await traceWhile(driver.child, () => driver.setFilesAside(root), injection);
    t.true(traced.isInjected, title);
    const { result } = traced;
    t.is(result === null, injection.effect.startsWith('signal='), title);
    const inPlace = (await readElement(root)).content_without_sidecar;
    const aside = (await readQuarantine(root)).map(({ path }) => path);
    const paths = faultFiles.map((file) => file.storagePath + file.storageFilename);
    // Each in one of both places: what is told to be aside is there, and nothing is gone.
    t.deepEqual([...inPlace, ...aside].toSorted(), paths.toSorted(), title);
    if (result !== null) {
      t.true(aside.length >= result.aside.length, title);
      for (const code of result.codes) t.is(code, 'ELEMENT_UNAVAILABLE', title);
      if (changingCalls.includes(injection.call)) t.not(result.codes.length, 0, title);
    }

    const repeated = await setFilesAside(root);
    t.deepEqual([repeated.aside.length, repeated.codes], [faultFiles.length, []], title);
    t.deepEqual((await readElement(root)).content_without_sidecar, [], title);
    const contents = (await readQuarantine(root)).map(({ content }) => content.length);
    t.deepEqual(contents.sort(), faultFiles.map(({ content }) => content.length).sort(), title);
  });
}

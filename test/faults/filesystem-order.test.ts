import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { makeElement, startDriver, type DriverProcess } from './filesystem-driver-process.ts';
import { faultFiles, runSteps } from './filesystem-steps.ts';
import { traceWhile, type SystemCall } from './strace.ts';

/** @param isWarm the same was done before: the directories of the hour are there. */
async function traceDriver(
  run: (driver: DriverProcess) => Promise<unknown>,
  { isWarm }: { isWarm: boolean },
): Promise<SystemCall[]> {
  const driver = await startDriver(16);
  try {
    if (isWarm) await run(driver);
    return (await traceWhile(driver.child, () => run(driver))).calls;
  } finally {
    await driver.end();
  }
}

test('content and sidecar become durable in the order of the commit protocol', async (t) => {
  const root = await makeElement();
  t.teardown(() => rm(root, { recursive: true }));
  const trace = await traceDriver((driver) => driver.run(root), { isWarm: false });
  const calls = trace.filter(({ result }) => !result.startsWith('-1'));

  function only(name: string, pattern: string): SystemCall {
    const found = calls.filter((call) => call.name === name && call.args.includes(pattern));
    t.is(found.length, 1, `${name} ${pattern}`);
    return found[0]!;
  }
  function writesTo(path: string): SystemCall[] {
    return calls.filter(({ name, args }) => name.startsWith('pwrite') && args.includes(`<${path}`));
  }
  function syncsOf(directory: string): SystemCall[] {
    return calls.filter(({ name, args }) => name === 'fsync' && args.endsWith(`<${directory}>`));
  }
  /** Some fsync of the directory lies wholly between the two. */
  function isSyncedBetween(directory: string, first: SystemCall, then?: SystemCall): boolean {
    return syncsOf(directory).some(
      (sync) => isBefore(first, sync) && (then === undefined || isBefore(sync, then)),
    );
  }

  const staging = join(root, '.artstore', 'staging');
  for (const file of faultFiles) {
    const staged = join(staging, file.fileId);
    const directory = join(root, file.storagePath.slice(0, -1));
    const target = join(directory, file.storageFilename);
    const contentSync = only('fsync', `<${staged}>`);
    const contentRename = only('rename', `"${staged}", "${target}"`);
    const sidecarSync = only('fsync', `<${staged}.`);
    const sidecarRename = only('rename', `, "${target}.attr.json"`);

    t.true(writesTo(`${staged}>`).every((write) => isBefore(write, contentSync)));
    t.true(isSyncedBetween(staging, contentSync, contentRename));
    t.true(isBefore(contentSync, contentRename));
    t.true(isSyncedBetween(directory, contentRename, sidecarSync));
    t.true(isSyncedBetween(staging, contentRename, sidecarSync));
    t.true(writesTo(`${staged}.`).every((write) => isBefore(write, sidecarSync)));
    t.true(isBefore(sidecarSync, sidecarRename));
    t.true(isSyncedBetween(directory, sidecarRename));
    t.regex(sidecarRename.args, new RegExp(`^"${staged}\\.[0-9a-f]{8}\\.attr\\.json"`));

    for (let path = directory; path !== root; path = dirname(path)) {
      const made = only('mkdir', `"${path}"`);
      t.true(isSyncedBetween(dirname(path), made, contentRename), `parent of ${path}`);
    }
  }
});

function isBefore(first: SystemCall, then: SystemCall): boolean {
  return first.endLine < then.startLine;
}

test('a repeated run makes durable what the first may have left undone', async (t) => {
  const root = await makeElement();
  t.teardown(() => rm(root, { recursive: true }));
  const fileIds = faultFiles.map(({ fileId }) => fileId);
  await runSteps(root, new Set());
  const calls = await traceDriver((driver) => driver.run(root, fileIds), { isWarm: false });

  const renames = calls.filter(({ name }) => name === 'rename');
  t.is(renames.length, faultFiles.length, 'content stays, sidecars are written anew');
  const synced = calls.filter(({ name }) => name === 'fsync').map(({ args }) => args);
  const directories = new Set([join(root, '.artstore', 'staging'), root]);
  for (const { storagePath } of faultFiles) {
    let path = join(root, storagePath.slice(0, -1));
    for (; path !== root; path = dirname(path)) directories.add(path);
  }
  for (const path of directories)
    t.true(
      synced.some((args) => args.endsWith(`<${path}>`)),
      path,
    );
});

test('a group of 64 in one hour costs three fsyncs of directories beside those of its files', async (t) => {
  const root = await makeElement();
  t.teardown(() => rm(root, { recursive: true }));
  const runGroup = async (driver: DriverProcess): Promise<void> => {
    t.is(await driver.runGroup(root, 64), 64);
  };
  const calls = await traceDriver(runGroup, { isWarm: true });
  const commit = calls.slice(calls.findIndex(({ name }) => name === 'rename'));
  const syncs = commit.filter(({ name }) => name === 'fsync');
  const ofSidecars = syncs.filter(({ args }) => args.includes('.attr.json'));
  t.is(ofSidecars.length, 64);
  // Content: the hour and the staging directory. Sidecars: the hour.
  t.is(syncs.length - ofSidecars.length, 3);
});

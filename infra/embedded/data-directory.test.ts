import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { openDataDirectory } from './data-directory.ts';
import { identifyProcess, isRunning } from './process-identity.ts';
import { StartupError } from './startup-error.ts';

const test = anyTest as TestFn<{ directory: string }>;
const ignore = (): void => undefined;

test.beforeEach(async (t) => {
  t.context.directory = await mkdtemp(join(tmpdir(), 'artstore-data-directory-'));
});

test.afterEach.always(async (t) => {
  await rm(t.context.directory, { recursive: true, force: true });
});

async function startSleeper(t: ExecutionContext): Promise<ChildProcess> {
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
  t.teardown(() => {
    sleeper.kill('SIGKILL');
  });
  await once(sleeper, 'spawn');
  return sleeper;
}

test('it has one owner at a time', async (t) => {
  const { directory } = t.context;
  const data = await openDataDirectory(directory, ignore);
  await t.throwsAsync(openDataDirectory(directory, ignore), {
    instanceOf: StartupError,
    message: new RegExp(`in use by process ${process.pid}:`),
  });
  await data[Symbol.asyncDispose]();
  await t.throwsAsync(stat(join(directory, 'owner.json')), { code: 'ENOENT' });
  const again = await openDataDirectory(directory, ignore);
  await again[Symbol.asyncDispose]();
});

test('an owner that only its file tells of keeps it while that very process lives', async (t) => {
  const { directory } = t.context;
  const sleeper = await startSleeper(t);
  const owner = identifyProcess(sleeper.pid!)!;
  const file = join(directory, 'owner.json');
  await writeFile(file, JSON.stringify(owner));
  await t.throwsAsync(openDataDirectory(directory, ignore), { instanceOf: StartupError });

  await writeFile(file, JSON.stringify({ ...owner, startTicks: `${owner.startTicks}0` }));
  const sameButLater = await openDataDirectory(directory, ignore);
  await sameButLater[Symbol.asyncDispose]();

  await writeFile(file, JSON.stringify(owner));
  const ended = once(sleeper, 'exit');
  sleeper.kill('SIGKILL');
  await ended;
  const afterwards = await openDataDirectory(directory, ignore);
  t.is((JSON.parse(await readFile(file, 'utf8')) as { pid: number }).pid, process.pid);
  await afterwards[Symbol.asyncDispose]();
});

test('orphans of an earlier owner are stopped, a process that only has the pid of one is not', async (t) => {
  const { directory } = t.context;
  const orphan = await startSleeper(t);
  const stranger = await startSleeper(t);
  const orphanEnded = once(orphan, 'exit');
  const first = await openDataDirectory(directory, ignore);
  first.records.write('temporal', orphan.pid!, 'SIGTERM');
  first.records.write('meilisearch', stranger.pid!, 'SIGTERM');
  const record = join(first.runDirectory, 'meilisearch.process.json');
  const strangerIdentity = identifyProcess(stranger.pid!)!;
  const text = await readFile(record, 'utf8');
  await writeFile(record, text.replace(strangerIdentity.startTicks, '1'));
  await first[Symbol.asyncDispose]();

  const said: string[] = [];
  const second = await openDataDirectory(directory, (line) => said.push(line));
  await orphanEnded;
  t.true(isRunning(strangerIdentity));
  t.deepEqual(said, ['stopped temporal, left running by an earlier start']);
  t.deepEqual(second.records.list(), []);
  await second[Symbol.asyncDispose]();
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { identifyProcess, isRunning } from './process-identity.ts';
import { openProcessRecords, stopProcess } from './process-records.ts';
import { StartupError } from './startup-error.ts';
import {
  superviseProcess,
  type ProcessDefinition,
  type SupervisionContext,
} from './supervised-process.ts';

interface Context {
  directory: string;
  context: SupervisionContext;
  lines: string[];
  restarts: number;
  shutdown: AbortController;
}
const test = anyTest as TestFn<Context>;

test.beforeEach(async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-supervised-'));
  const lines: string[] = [];
  const shutdown = new AbortController();
  Object.assign(t.context, { directory, lines, shutdown, restarts: 0 });
  t.context.context = {
    records: openProcessRecords(directory),
    logDirectory: directory,
    log: (line) => lines.push(line),
    onRestart: () => {
      t.context.restarts += 1;
    },
    signal: shutdown.signal,
  };
});

test.afterEach.always(async (t) => {
  const { context, directory, shutdown } = t.context;
  // Nothing is started again from here on; what a failed test left running ends.
  shutdown.abort();
  for (const { identity } of context.records.list()) {
    await stopProcess(identity, { signal: 'SIGTERM', graceMs: 0 });
  }
  await rm(directory, { recursive: true, force: true });
});

function runScript(script: string, options: Partial<ProcessDefinition> = {}): ProcessDefinition {
  return {
    name: 'part',
    command: process.execPath,
    args: ['--input-type=module', '--eval', script],
    environment: { PATH: '' },
    stopSignal: 'SIGTERM',
    stopGraceMs: 20_000,
    readyTimeoutMs: 60_000,
    isReady: 'message',
    ...options,
  };
}

const serve = `process.send({ kind: 'ready' }); setInterval(() => {}, 1000);`;

test('it is ready when it says so, and stops at the signal', async (t) => {
  const part = await superviseProcess(runScript(serve), t.context.context);
  const identity = identifyProcess(part.pid!)!;
  t.deepEqual(t.context.context.records.list(), [
    { name: 'part', identity, stopSignal: 'SIGTERM' },
  ]);
  await part.stop();
  t.false(isRunning(identity));
  t.is(part.pid, null);
  t.deepEqual(t.context.context.records.list(), []);
  t.deepEqual(t.context.lines, [], 'a stop that was asked for is not a fault');
});

test('it comes back after a kill, and that is said', async (t) => {
  const part = await superviseProcess(runScript(serve), t.context.context);
  const first = part.pid!;
  process.kill(first, 'SIGKILL');
  const second = await part.whenReady(first);
  t.not(second, first);
  t.is(t.context.restarts, 1);
  t.is(t.context.lines.length, 2);
  t.regex(t.context.lines[0]!, /part was ended by SIGKILL: starting it again/);
  process.kill(second, 'SIGKILL');
  await part.whenReady(second);
  t.is(t.context.restarts, 2);
  await part.stop();
});

test('a first start that fails shows why', async (t) => {
  const failing = runScript(`console.error('the port is taken'); process.exit(3);`);
  const error = await t.throwsAsync(superviseProcess(failing, t.context.context), {
    instanceOf: StartupError,
  });
  t.regex(error.message, /part did not come up[^]*the port is taken/);
  t.deepEqual(t.context.context.records.list(), []);
  await t.throwsAsync(
    superviseProcess(runScript('', { command: '/nowhere/part' }), t.context.context),
    { instanceOf: StartupError },
  );
});

test('a first start that may meet something passing is tried again', async (t) => {
  const { directory, context } = t.context;
  const flag = JSON.stringify(join(directory, 'passed'));
  const script = `
    const { existsSync, writeFileSync } = await import('node:fs');
    if (!existsSync(${flag})) { writeFileSync(${flag}, ''); process.exit(1); }
    ${serve}`;
  const part = await superviseProcess(runScript(script, { firstStartTries: 2 }), context);
  t.not(part.pid, null);
  t.is(t.context.restarts, 0);
  await part.stop();
});

test('one that never becomes ready is stopped when all is', async (t) => {
  const { context, shutdown, directory } = t.context;
  const silent = runScript(`console.log('alive'); setInterval(() => {}, 1000);`, {
    isReady: async () => {
      if ((await readFile(join(directory, 'part.log'), 'utf8')).includes('alive')) shutdown.abort();
      return false;
    },
  });
  await t.throwsAsync(superviseProcess(silent, context), { instanceOf: StartupError });
  t.deepEqual(context.records.list(), []);
});

test('one that does not listen is killed after its grace', async (t) => {
  const deaf = runScript(`process.on('SIGTERM', () => {}); ${serve}`, { stopGraceMs: 100 });
  const part = await superviseProcess(deaf, t.context.context);
  const identity = identifyProcess(part.pid!)!;
  await part.stop();
  t.false(isRunning(identity));
});

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import test from 'ava';
import { Client } from 'pg';
import { identifyProcess, isRunning } from '#infra/embedded/process-identity.ts';
import type { ReadyDocument } from '#infra/embedded/ready-file.ts';
import {
  makeDataDirectory,
  processesOn,
  removeDataDirectory,
  runEmbedded,
  startEmbedded,
  type EmbeddedProcess,
} from '#test/support/embedded-process.ts';

/**
 * One data directory lives through all of it, test after test: starting the whole system costs
 * seconds, and what comes next must work on what the last one left.
 */
let dataDirectory: string;
let stack: EmbeddedProcess;
const partNames = ['supervisor', 'api', 'worker', 'temporal', 'postgres', 'meilisearch'];

test.before(async () => {
  dataDirectory = await makeDataDirectory();
  stack = await startEmbedded(dataDirectory);
});

test.after.always(async (t) => {
  const left = processesOn(dataDirectory);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  await removeDataDirectory(dataDirectory);
  t.deepEqual(left, [], 'the last test stopped the stack, and no process is left');
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

function identitiesOf(ready: ReadyDocument): NonNullable<ReturnType<typeof identifyProcess>>[] {
  return Object.values(ready.processes).map((pid) => identifyProcess(pid)!);
}

async function fetchToken(ready: ReadyDocument): Promise<string> {
  const { client_id, client_secret } = JSON.parse(
    await readFile(ready.credentials_file, 'utf8'),
  ) as Record<string, string>;
  const response = await fetch(`${ready.api_url}/api/v1/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client_id!,
      client_secret: client_secret!,
    }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function storeFile(ready: ReadyDocument, text: string): Promise<string> {
  const form = new FormData();
  form.set('file', new File([text], 'отчет.txt', { type: 'text/plain' }));
  const response = await fetch(`${ready.api_url}/api/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await fetchToken(ready)}` },
    body: form,
  });
  return ((await response.json()) as { file_id: string }).file_id;
}

async function readFileBack(ready: ReadyDocument, fileId: string): Promise<string> {
  const response = await fetch(`${ready.api_url}/api/v1/files/${fileId}/content`, {
    headers: { authorization: `Bearer ${await fetchToken(ready)}` },
  });
  return await response.text();
}

test.serial('a start from nothing tells where everything is, to people and to tools', async (t) => {
  const ready = stack.ready();
  for (const name of partNames) t.true(identifyProcess(ready.processes[name]!) !== null, name);
  t.is(await modeOf(join(dataDirectory, 'ready.json')), 0o600);
  t.is(await modeOf(ready.credentials_file), 0o600);
  t.is(await modeOf(join(dataDirectory, 'keys', 'master.key')), 0o600);
  for (const url of [`${ready.api_url}/health/ready`, ready.docs_url, ready.temporal_ui_url!]) {
    t.is((await fetch(url)).status, 200, url);
  }
  t.is((await fetch(`${ready.meilisearch_url}/health`)).status, 200);
  await stack.until(() => stack.output().includes('Ctrl-C'));
  for (const text of [
    ready.api_url,
    ready.docs_url,
    ready.credentials_file,
    'TOKEN=',
    'FILE_ID=',
  ]) {
    t.true(stack.output().includes(text), text);
  }
});

test.serial(
  'what cannot be lost is durable in PostgreSQL, and Temporal has what is declared',
  async (t) => {
    const ready = stack.ready();
    const settings = async (database: string): Promise<unknown> => {
      const url = new URL(ready.postgres_url);
      url.pathname = `/${database}`;
      const client = new Client({ connectionString: url.href });
      await client.connect();
      const { rows } = await client.query(
        "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit",
      );
      await client.end();
      return rows[0];
    };
    t.deepEqual(await settings('artstore'), { fsync: 'on', commit: 'on' });
    t.deepEqual(await settings('temporal'), { fsync: 'on', commit: 'on' });
    t.deepEqual(await settings('temporal_visibility'), { fsync: 'on', commit: 'off' });

    const connection = await Connection.connect({ address: ready.temporal_address });
    const client = new TemporalClient({ connection, namespace: ready.temporal_namespace });
    const schedules = await Promise.all(
      ['edit-01', 'rw-01'].map((id) => client.schedule.getHandle(`sweep-element/${id}`).describe()),
    );
    t.deepEqual(
      schedules.map(({ action }) => action.taskQueue),
      ['element-edit-01', 'element-rw-01'],
    );
    await connection.close();
  },
);

test.serial('a second start on the same data directory says who owns it and ends', async (t) => {
  const before = stack.ready();
  const second = await runEmbedded({ ARTSTORE_DATA_DIR: dataDirectory, ARTSTORE_HTTP_PORT: '0' });
  t.is(second.code, 1);
  t.true(second.output.includes(`in use by process ${stack.child.pid}`), second.output);
  t.deepEqual(stack.ready(), before);
});

test.serial(
  'every part that is killed comes back under another pid on the same port',
  async (t) => {
    const before = stack.ready();
    const fileId = await storeFile(before, 'до');
    const names = Object.keys(before.processes).filter((name) => name !== 'supervisor');
    for (const name of names) process.kill(before.processes[name]!, 'SIGKILL');
    const after = await stack.until((ready) =>
      names.every((name) => isAnother(ready.processes[name], before.processes[name])),
    );
    t.deepEqual({ ...after, processes: null }, { ...before, processes: null });
    for (const name of names) t.true(stack.output().includes(`${name} is up again`), name);
    t.is(await readFileBack(after, fileId), 'до');
    t.is(await readFileBack(after, await storeFile(after, 'после')), 'после');
  },
);

test.serial('what a killed supervisor leaves is cleared away by the next start', async (t) => {
  const fileId = await storeFile(stack.ready(), 'сохранено');
  const identities = identitiesOf(stack.ready());
  await stack.end('SIGKILL');

  stack = await startEmbedded(dataDirectory);
  t.deepEqual(identities.filter(isRunning), []);
  t.is(await readFileBack(stack.ready(), fileId), 'сохранено');
});

test.serial('everything killed at once comes up again with everything', async (t) => {
  const fileId = await storeFile(stack.ready(), 'и это тоже');
  const { supervisor, ...others } = stack.ready().processes;
  const ended = stack.end('SIGKILL');
  for (const pid of Object.values(others)) process.kill(pid, 'SIGKILL');
  await ended;

  stack = await startEmbedded(dataDirectory);
  t.not(stack.ready().processes['supervisor'], supervisor);
  t.is(await readFileBack(stack.ready(), fileId), 'и это тоже');
});

test.serial('a clean stop ends every process; the next start keeps everything', async (t) => {
  const before = stack.ready();
  const fileId = await storeFile(before, 'содержимое');
  const identities = identitiesOf(before);
  const credentials = await readFile(before.credentials_file, 'utf8');
  t.is(await stack.end('SIGINT'), 0);
  t.deepEqual(identities.filter(isRunning), []);
  t.deepEqual(processesOn(dataDirectory), []);
  await t.throwsAsync(stat(join(dataDirectory, 'ready.json')), { code: 'ENOENT' });

  stack = await startEmbedded(dataDirectory);
  t.is(await readFile(before.credentials_file, 'utf8'), credentials);
  t.is(stack.ready().api_url, before.api_url, 'the same ports while they are free');
  t.is(await readFileBack(stack.ready(), fileId), 'содержимое');
  t.is(await stack.end('SIGTERM'), 0);
});

function isAnother(pid: number | undefined, before: number | undefined): boolean {
  return pid !== undefined && pid !== before;
}

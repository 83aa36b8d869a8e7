import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { Client as PostgresClient, type QueryResultRow } from 'pg';
import { childEnvironment } from '#config/child-environment.ts';
import type { ReadyDocument } from '#infra/embedded/ready-file.ts';
import { makeDataDirectory, removeDataDirectory } from '#test/support/embedded-process.ts';
import { openBarrierServer, type BarrierServer } from './barrier-server.ts';
import { waitUntil } from './system-wait.ts';

export const elementIds = ['edit-01', 'rw-01'] as const;

/** A whole running ArtStore, seen from outside: by HTTP, SQL, Temporal's client and its directory. */
export interface System {
  readonly dataDirectory: string;
  readonly ready: () => Promise<ReadyDocument>;
  readonly rootOf: (elementId: string) => string;
  /** Of the initial account. */
  token(): Promise<string>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** As the administrator of the database, on a connection of its own. */
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  withTemporal<Result>(use: (client: Client) => Promise<Result>): Promise<Result>;
}

/** @param dataDirectory of a supervisor that is up, or will be: everything is looked up when needed. */
export function connectSystem(dataDirectory: string): System {
  const ready = async (): Promise<ReadyDocument> =>
    JSON.parse(await readFile(join(dataDirectory, 'ready.json'), 'utf8')) as ReadyDocument;
  let token: Promise<string> | null = null;

  async function authorize(): Promise<string> {
    token ??= requestToken(await ready());
    try {
      return await token;
    } catch (error) {
      token = null;
      throw error;
    }
  }

  return {
    dataDirectory,
    ready,
    rootOf: (elementId) => join(dataDirectory, 'elements', elementId),
    token: authorize,
    async fetch(path, init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has('authorization')) {
        headers.set('authorization', `Bearer ${await authorize()}`);
      }
      const { api_url: origin } = await ready();
      const response = await fetch(`${origin}${path}`, { ...init, headers });
      // It has a life of half an hour; a campaign is longer.
      if (response.status === 401) token = null;
      return response;
    },
    async query<Row extends QueryResultRow>(text: string, values: unknown[] = []) {
      const { postgres_url: connectionString } = await ready();
      const client = new PostgresClient({ connectionString });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query<Row>(text, values)).rows;
      } finally {
        await client.end();
      }
    },
    async withTemporal(use) {
      const { temporal_address: address, temporal_namespace: namespace } = await ready();
      const connection = await Connection.connect({ address });
      try {
        return await use(new Client({ connection, namespace }));
      } finally {
        await connection.close();
      }
    },
  };
}

async function requestToken(ready: ReadyDocument): Promise<string> {
  const credentials = JSON.parse(await readFile(ready.credentials_file, 'utf8')) as {
    client_id: string;
    client_secret: string;
  };
  const response = await fetch(`${ready.api_url}/api/v1/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', ...credentials }),
  });
  if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { access_token: string }).access_token;
}

export interface SupervisedSystem extends System, AsyncDisposable {
  readonly barrier: BarrierServer;
  /** `kill -9`. @returns the pid that is gone. */
  kill(name: string): Promise<number>;
  /** It lives and answers nobody, until it is killed or thawed. */
  freeze(name: string): Promise<void>;
  thaw(name: string): Promise<void>;
  /** Resolves when the supervisor has it up again. */
  whenBack(name: string, gonePid: number): Promise<void>;
  /** Keeps the supervisor from starting anything again: what is killed then stays away. */
  keepDown<Result>(during: () => Promise<Result>): Promise<Result>;
}

/** Starts everything anew in a temporary directory, the worker with barriers. */
export async function startSupervisedSystem(): Promise<SupervisedSystem> {
  const directory = await makeDataDirectory();
  const dataDirectory = join(directory, 'data');
  const socketPath = join(directory, 'barrier');
  const barrier = await openBarrierServer(socketPath);
  const release = async (): Promise<void> => {
    await barrier[Symbol.asyncDispose]();
    await removeDataDirectory(directory);
  };
  let supervisor: ChildProcess;
  try {
    supervisor = await forkSupervisor({ directory, dataDirectory, socketPath });
  } catch (error) {
    await release();
    throw error;
  }
  const system = connectSystem(dataDirectory);

  return {
    ...system,
    barrier,
    async kill(name) {
      const pid = await pidOf(system, name);
      process.kill(pid, 'SIGKILL');
      await waitUntil(`${name} is gone`, async () => !(await isAlive(pid)));
      return pid;
    },
    async freeze(name) {
      process.kill(await pidOf(system, name), 'SIGSTOP');
    },
    async thaw(name) {
      process.kill(await pidOf(system, name), 'SIGCONT');
    },
    async whenBack(name, gonePid) {
      await waitUntil(`${name} is back`, async () => (await pidOf(system, name)) !== gonePid);
    },
    async keepDown(during) {
      supervisor.kill('SIGSTOP');
      try {
        return await during();
      } finally {
        supervisor.kill('SIGCONT');
      }
    },
    async [Symbol.asyncDispose]() {
      if (supervisor.connected) supervisor.disconnect();
      if (supervisor.exitCode === null) await once(supervisor, 'exit');
      await release();
    },
  };
}

async function forkSupervisor(paths: {
  readonly directory: string;
  readonly dataDirectory: string;
  readonly socketPath: string;
}): Promise<ChildProcess> {
  const logFile = join(paths.directory, 'supervisor.log');
  const log = openSync(logFile, 'a');
  const supervisor = fork(
    fileURLToPath(import.meta.resolve('#test/faults/system-process.ts')),
    [paths.socketPath],
    {
      stdio: ['ignore', log, log, 'ipc'],
      env: childEnvironment({
        ARTSTORE_DATA_DIR: paths.dataDirectory,
        ARTSTORE_HTTP_PORT: '0',
        ARTSTORE_LOG_LEVEL: 'info',
      }),
      // Not the test runner's own options.
      execArgv: [],
    },
  );
  closeSync(log);
  const ended = once(supervisor, 'exit').then(async () => {
    throw new Error(`the system did not come up:\n${await readFile(logFile, 'utf8')}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(supervisor, 'message'), ended]);
  return supervisor;
}

async function pidOf(system: System, name: string): Promise<number> {
  const pid = (await system.ready()).processes[name];
  if (pid === undefined) throw new Error(`there is no process ${name}`);
  return pid;
}

/** A zombie is gone: its supervisor may be kept from burying it. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return !/^\S+ \(.*\) [ZX]/s.test(stat);
  } catch {
    return false;
  }
}

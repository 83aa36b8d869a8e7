import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A Redis that a test may hang, kill and start again. */
export interface OwnRedis extends AsyncDisposable {
  readonly url: string;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  hang(): void;
  resume(): void;
  kill(): Promise<void>;
  start(): Promise<void>;
}

const patienceMs = 30_000;

/** With its data on disk, as a server that comes back with old entries. */
export async function startOwnRedis(): Promise<OwnRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-redis-'));
  const port = await findFreePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  async function start(): Promise<void> {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    child = spawn('redis-server', [...settings, '--appendonly', 'yes', '--appendfsync', 'always'], {
      stdio: 'ignore',
    });
    await untilItAnswers(url);
  }

  async function kill(): Promise<void> {
    if (child === null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    child = null;
  }

  await start();
  return {
    url,
    start,
    kill,
    hang: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A client for looking and for doing harm, beside the one that is tested. */
export function connectToRedis(url: string): Redis {
  return new Redis(url);
}

async function untilItAnswers(url: string): Promise<void> {
  const givenUpAt = Date.now() + patienceMs;
  for (;;) {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => undefined);
    try {
      await redis.ping();
      return;
    } catch (error) {
      if (Date.now() > givenUpAt) throw error;
    } finally {
      redis.disconnect();
    }
    await delay(20);
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

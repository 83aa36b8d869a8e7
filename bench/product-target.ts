import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { childEnvironment } from '#config/child-environment.ts';
import { readReadyState, type ReadyState } from './ready-state.ts';
import type { ProductTarget } from './target.ts';

const supervisorPath = fileURLToPath(new URL('../infra/embedded/main.ts', import.meta.url));
const projectDirectory = fileURLToPath(new URL('..', import.meta.url));
/** The first start ever builds the Temporal server. */
const startLimitMs = 900_000;
const readyPollMs = 20;

export interface ProductOptions {
  readonly dataDirectory: string;
  /** Receives what the product prints. */
  readonly logFile: string;
  /** Lets a profiler attach: each process may open an inspector on a port of its own. */
  readonly allowsInspectors: boolean;
  readonly signal: AbortSignal;
}

/** Starts the whole product on a fresh data directory and waits until it is ready. */
export async function openProductTarget(options: ProductOptions): Promise<ProductTarget> {
  const log = await open(options.logFile, 'w');
  const child = spawn(process.execPath, [supervisorPath], {
    cwd: projectDirectory,
    stdio: ['ignore', log.fd, log.fd],
    env: childEnvironment({
      ARTSTORE_DATA_DIR: options.dataDirectory,
      ARTSTORE_HTTP_HOST: '127.0.0.1',
      ARTSTORE_HTTP_PORT: '0',
      ...(options.allowsInspectors ? { NODE_OPTIONS: '--inspect-port=0' } : {}),
    }),
  });
  const exited = once(child, 'exit');
  await log.close();

  async function stop(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  }

  try {
    const ready = await awaitReady(options, child);
    return createProductTarget(options, ready, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function awaitReady(options: ProductOptions, child: ChildProcess): Promise<ReadyState> {
  const limitAt = Date.now() + startLimitMs;
  while (child.exitCode === null && Date.now() < limitAt) {
    const ready = await readReadyState(options.dataDirectory);
    // One that was killed has left its file behind.
    if (ready !== null && ready.processes['supervisor'] === child.pid) return ready;
    await delay(readyPollMs, undefined, { signal: options.signal });
  }
  const said = await readFile(options.logFile, 'utf8');
  throw new Error(`the product did not become ready:\n${said.slice(-4000)}`);
}

function createProductTarget(
  options: ProductOptions,
  ready: ReadyState,
  stop: () => Promise<void>,
): ProductTarget {
  return {
    name: 'product',
    origin: ready.api_url,
    postgresUrl: ready.postgres_url,
    temporal: { address: ready.temporal_address, namespace: ready.temporal_namespace },
    uploadPath: '/api/v1/files?filename=bench.bin',
    attributesPath: (fileId) => `/api/v1/files/${fileId}`,
    contentPath: (fileId) => `/api/v1/files/${fileId}/content`,
    authorize: async () => [`Authorization: Bearer ${await issueToken(ready)}`],
    async processes() {
      // A child that was restarted has a new pid.
      const now = await readReadyState(options.dataDirectory);
      if (now === null) throw new Error('the product is no longer ready');
      return now.processes;
    },
    [Symbol.asyncDispose]: stop,
  };
}

interface Credentials {
  readonly client_id: string;
  readonly client_secret: string;
}

async function issueToken(ready: ReadyState): Promise<string> {
  const credentials = JSON.parse(await readFile(ready.credentials_file, 'utf8')) as Credentials;
  const answer = await fetch(`${ready.api_url}/api/v1/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', ...credentials }),
  });
  if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return token;
}

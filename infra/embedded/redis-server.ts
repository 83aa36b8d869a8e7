import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { writeFileAtomically } from './atomic-file.ts';
import {
  superviseProcess,
  type SupervisedProcess,
  type SupervisionContext,
} from './supervised-process.ts';

export interface RedisOptions {
  /** `<data dir>/redis`: its configuration only; a cache keeps nothing on disk. */
  readonly directory: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
}

export interface RedisServer {
  readonly process: SupervisedProcess;
  readonly url: string;
}

/** @returns null when neither Redis nor Valkey is on PATH. */
export async function startRedis(
  options: RedisOptions,
  context: SupervisionContext,
): Promise<RedisServer | null> {
  const { directory, port, environment } = options;
  const command = await findRedis(environment);
  if (command === null) return null;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const password = randomBytes(24).toString('base64url');
  const configFile = join(directory, 'redis.conf');
  writeFileAtomically(configFile, renderConfig(port, password), 0o600);
  const supervised = await superviseProcess(
    {
      name: 'redis',
      command,
      args: [configFile],
      workingDirectory: directory,
      environment,
      stopSignal: 'SIGTERM',
      stopGraceMs: 5000,
      readyTimeoutMs: 30_000,
      isReady: () => answersPing(port, password),
    },
    context,
  );
  return { process: supervised, url: `redis://:${password}@127.0.0.1:${port}` };
}

async function findRedis(environment: Readonly<Record<string, string>>): Promise<string | null> {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const directory of (environment['PATH'] ?? '').split(delimiter)) {
      const path = join(directory, name);
      const isThere = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere && directory !== '') return path;
    }
  }
  return null;
}

function renderConfig(port: number, password: string): string {
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    `requirepass ${password}`,
    'save ""',
    'appendonly no',
    'maxmemory 256mb',
    'maxmemory-policy allkeys-lru',
    'daemonize no',
    '',
  ].join('\n');
}

function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').setTimeout(2000, () => socket.destroy());
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.includes('PONG')) socket.destroy();
    });
    socket.on('error', () => undefined).on('close', () => resolve(answer.includes('PONG')));
    socket.write(`AUTH ${password}\r\nPING\r\n`);
  });
}

/**
 * Starts real servers on free ports in a temporary directory, runs a command that finds them in
 * `ARTSTORE_TEST_*`, stops them and leaves nothing. Its exit code is the command's.
 *
 *   node test/support/with-stack.ts ava test/integration/store-files.test.ts
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { constants, homedir, tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheHome, childEnvironment } from '#config/child-environment.ts';
import { openDataDirectory } from '#infra/embedded/data-directory.ts';
import { createProgress } from '#infra/embedded/progress.ts';
import { runCommand } from '#infra/embedded/run-command.ts';
import { startServers, type Servers } from '#infra/embedded/servers.ts';
import { StartupError } from '#infra/embedded/startup-error.ts';
import { applyTemporalDeclaration } from '#infra/temporal/declaration-application.ts';
import { loadTemporalDeclaration } from '#infra/temporal/declaration.ts';

const namespace = 'artstore';
const startTimeoutMs = 120_000;
const environment = childEnvironment();
const progress = createProgress(process.stderr);
const interrupted = new AbortController();
let command: ReturnType<typeof spawn> | null = null;

/** Programs that no npm package brings, and the Debian package of each. */
const systemPackages = [
  { name: 'redis-server', programs: ['redis-server', 'valkey-server'] },
  { name: 'strace', programs: ['strace'] },
  { name: 'e2fsprogs', programs: ['mkfs.ext4'] },
];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted.abort();
    command?.kill(signal);
  });
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  progress.say(error.message);
  process.exitCode = 1;
}

async function run([program, ...args]: readonly string[]): Promise<number> {
  if (program === undefined) throw new StartupError('usage: with-stack.ts <command> [argument…]');
  await installMissing();
  const directory = await mkdtemp(join(tmpdir(), 'artstore-test-'));
  // PostgreSQL runs as another user when we are root, and has to come through.
  await chmod(directory, 0o711);
  try {
    await using data = await openDataDirectory(directory, progress.say);
    const servers = await startServers({
      data,
      context: {
        records: data.records,
        logDirectory: data.logDirectory,
        log: progress.say,
        onRestart: () => undefined,
        signal: interrupted.signal,
      },
      usesUsualPorts: false,
      temporalAddress: null,
      temporalNamespace: namespace,
      cacheHome: cacheHome(homedir()),
      environment,
      progress,
    });
    try {
      await applyTemporalDeclaration(loadTemporalDeclaration(), {
        address: servers.temporalAddress,
        namespace,
        elementIds: [],
        signal: AbortSignal.any([interrupted.signal, AbortSignal.timeout(startTimeoutMs)]),
      });
      return await runInside(servers, program, args);
    } finally {
      await servers.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runInside(
  servers: Servers,
  program: string,
  args: readonly string[],
): Promise<number> {
  if (servers.redisUrl === null)
    throw new StartupError('the Debian package redis-server is missing');
  command = spawn(program, args, {
    stdio: 'inherit',
    env: {
      ...environment,
      ARTSTORE_TEST_POSTGRES_URL: administrationDatabase(servers.administrationUrl),
      ARTSTORE_TEST_TEMPORAL_ADDRESS: servers.temporalAddress,
      ARTSTORE_TEST_TEMPORAL_NAMESPACE: namespace,
      ARTSTORE_TEST_REDIS_URL: servers.redisUrl,
      ARTSTORE_TEST_MEILISEARCH_URL: servers.meilisearchUrl,
      ARTSTORE_TEST_MEILISEARCH_KEY: servers.meilisearchKey,
    },
  });
  const [code, signal] = (await once(command, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** Tests make databases of their own from here. */
function administrationDatabase(url: string): string {
  const administration = new URL(url);
  administration.pathname = '/postgres';
  return administration.href;
}

/** A test never runs with less than it names: what can be installed is, else this fails. */
async function installMissing(): Promise<void> {
  const missing = systemPackages.filter(({ programs }) => !programs.some(isOnPath));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  const canInstall = userInfo().uid === 0 && existsSync('/usr/bin/apt-get');
  if (!canInstall) throw new StartupError(`The tests need these packages: ${names.join(', ')}.`);
  progress.say(`Installing what the tests need: ${names.join(', ')}.`);
  const apt = {
    command: 'apt-get',
    environment: { ...environment, DEBIAN_FRONTEND: 'noninteractive' },
  };
  await runCommand({ ...apt, args: ['update'] });
  // Only the programs are wanted: a server that a package starts would be nobody's.
  await runCommand({
    ...apt,
    args: ['install', '--yes', '--no-install-recommends', ...names],
    environment: { ...apt.environment, RUNLEVEL: '1' },
  });
  for (const { name, programs } of missing) {
    if (programs.some(isOnPath)) continue;
    throw new StartupError(`${name} was installed, but ${programs[0]} is not on PATH.`);
  }
}

function isOnPath(program: string): boolean {
  const folders = (environment['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)));
}

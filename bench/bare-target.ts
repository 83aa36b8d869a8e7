import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';

import { Client } from 'pg';

import type { BareSettings } from './bare-server.ts';
import { childEnvironment } from '#config/child-environment.ts';
import type { BareTarget } from './target.ts';

const databaseName = 'artstore_bench_bare';

/** Starts the bare server on the same PostgreSQL as the product, with a database of its own. */
export async function openBareTarget(options: {
  readonly directory: string;
  readonly postgresUrl: string;
}): Promise<BareTarget> {
  await mkdir(options.directory, { recursive: true });
  await runStatement(options.postgresUrl, `DROP DATABASE IF EXISTS ${databaseName} WITH (FORCE)`);
  await runStatement(options.postgresUrl, `CREATE DATABASE ${databaseName}`);
  const child = fork(new URL('bare-server.ts', import.meta.url), {
    stdio: 'inherit',
    env: childEnvironment({ UV_THREADPOOL_SIZE: '16' }),
  });
  const exited = once(child, 'exit');
  const settings: BareSettings = {
    directory: options.directory,
    databaseUrl: databaseUrl(options.postgresUrl, databaseName),
  };
  child.send(settings);
  const [{ port }] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('the bare server ended'))),
  ])) as [{ port: number }];
  return {
    name: 'bare',
    origin: `http://127.0.0.1:${port}`,
    uploadPath: '/files',
    attributesPath: (fileId) => `/files/${fileId}`,
    contentPath: (fileId) => `/files/${fileId}/content`,
    hashedContentPath: (fileId) => `/files/${fileId}/hashed-content`,
    authorize: () => Promise.resolve([]),
    processes: () => Promise.resolve({ bare: child.pid ?? 0 }),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
      await runStatement(
        options.postgresUrl,
        `DROP DATABASE IF EXISTS ${databaseName} WITH (FORCE)`,
      );
    },
  };
}

export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

async function runStatement(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

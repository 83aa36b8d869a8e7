import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { migrateDatabase } from '#infra/postgres/migrate.ts';
import { testStack } from '#test/support/test-stack.ts';

export interface TestDatabase {
  readonly url: string;
  /** Drops it. Fails the test when a connection to it is still open: something was not closed. */
  dispose(): Promise<void>;
}

const closingMs = 5_000;

/** A database of its own for one test file, cloned from a template that is migrated once. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { postgresUrl } = testStack();
  const name = `artstore_test_${randomUUID().replaceAll('-', '')}`;
  await withClient(postgresUrl, async (client) => {
    const template = await ensureTemplate(client, postgresUrl);
    await client.query(`create database ${name} template ${template}`);
  });
  return {
    url: urlOf(postgresUrl, name),
    async dispose() {
      await withClient(postgresUrl, async (client) => {
        const leaks = await connectionsThatStay(client, name);
        await client.query(`drop database ${name} with (force)`);
        if (leaks.length > 0) throw new Error(`connections were left open: ${leaks.join(', ')}`);
      });
    },
  };
}

/** @param encoding of the new database, which has no schema yet */
export async function createEmptyDatabase(encoding = 'UTF8'): Promise<TestDatabase> {
  const { postgresUrl } = testStack();
  const name = `artstore_test_${randomUUID().replaceAll('-', '')}`;
  await withClient(postgresUrl, (client) =>
    client.query(`create database ${name} template template0 encoding '${encoding}' locale 'C'`),
  );
  return {
    url: urlOf(postgresUrl, name),
    async dispose() {
      await withClient(postgresUrl, (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

/** The name carries a hash of the migrations, so that a template of older code is never used. */
async function ensureTemplate(client: Client, postgresUrl: string): Promise<string> {
  const template = `artstore_template_${await hashMigrations()}`;
  const lock = [template];
  await client.query('select pg_advisory_lock(hashtextextended($1, 0))', lock);
  try {
    const found = await client.query(
      'select from pg_database where datname = $1 and datistemplate',
      [template],
    );
    if (found.rowCount === 0) {
      // One that is there without the mark was left half made.
      await client.query(`drop database if exists ${template} with (force)`);
      await client.query(`create database ${template}`);
      await migrateDatabase(urlOf(postgresUrl, template));
      await client.query(
        `alter database ${template} with is_template true allow_connections false`,
      );
    }
  } finally {
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', lock);
  }
  return template;
}

async function hashMigrations(): Promise<string> {
  const folder = new URL('../../infra/postgres/migrations/', import.meta.url);
  const hash = createHash('sha256');
  for (const name of (await readdir(folder)).sort()) {
    hash.update(name).update(await readFile(new URL(name, folder)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function connectionsThatStay(client: Client, name: string): Promise<string[]> {
  const givenUpAt = Date.now() + closingMs;
  for (;;) {
    const { rows } = await client.query<{ application_name: string }>(
      `select application_name from pg_stat_activity
       where datname = $1 and backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || Date.now() > givenUpAt) return rows.map((row) => row.application_name);
    await delay(20);
  }
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'artstore-test' });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function urlOf(base: string, database: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  return url.href;
}

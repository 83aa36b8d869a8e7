import { Client } from 'pg';
import { attributesVersions } from '#domain/attributes/versions.ts';
import { openOrm } from './open-orm.ts';
import { keepVersionIndex } from './version-index.ts';

const lockName = 'artstore/migrations';

/** The first that gives back the old values of an updated row. */
const oldestServerVersion = 180_000;

/**
 * Brings the database to the newest schema. May be run by several processes at once and as often
 * as one likes: one works, the others wait for it and find nothing to do. All pending migrations
 * are one transaction.
 * @throws Error when the server or the encoding of the database is not one that we can work with
 */
export async function migrateDatabase(url: string): Promise<void> {
  await using lock = await lockMigrations(url);
  // A migration may take as long as it needs.
  const orm = await openOrm(url, 'artstore-migrate', {});
  try {
    await orm.migrator.up();
    await keepVersionIndex(lock.client, attributesVersions.newest.version);
    lock.requireHeld();
  } finally {
    await orm.close(true);
  }
}

interface MigrationLock extends AsyncDisposable {
  readonly client: Client;
  requireHeld(): void;
}

/** Holds the lock on a connection of its own, so that it ends with this process whatever happens. */
async function lockMigrations(url: string): Promise<MigrationLock> {
  const client = new Client({ connectionString: url, application_name: 'artstore-migrate' });
  let lostBy: Error | null = null;
  client.on('error', (error) => {
    lostBy = error;
  });
  await client.connect();
  try {
    await requireServer(client);
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [lockName]);
  } catch (error) {
    await client.end();
    throw error;
  }
  return {
    client,
    requireHeld() {
      if (lostBy !== null) throw new Error('the migration lock was lost', { cause: lostBy });
    },
    async [Symbol.asyncDispose]() {
      await client.end();
    },
  };
}

async function requireServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ version: number; encoding: string }>(
    `select current_setting('server_version_num')::int as version,
      current_setting('server_encoding') as encoding`,
  );
  const [server] = rows;
  if (server === undefined || server.version < oldestServerVersion) {
    throw new Error('ArtStore needs PostgreSQL 18 or later');
  }
  if (server.encoding !== 'UTF8') {
    throw new Error(`ArtStore needs a database with encoding UTF8, not ${server.encoding}`);
  }
}

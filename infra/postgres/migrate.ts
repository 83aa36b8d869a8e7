import { Client } from 'pg';
import { openOrm } from './open-orm.ts';

const lockName = 'artstore/migrations';

/**
 * Brings the database to the newest schema. May be run by several processes at once and as often
 * as one likes: one works, the others wait for it and find nothing to do. All pending migrations
 * are one transaction.
 */
export async function migrateDatabase(url: string): Promise<void> {
  await using lock = await lockMigrations(url);
  const orm = await openOrm(url, 'artstore-migrate');
  try {
    await orm.migrator.up();
    lock.requireHeld();
  } finally {
    await orm.close(true);
  }
}

/** Holds the lock on a connection of its own, so that it ends with this process whatever happens. */
async function lockMigrations(url: string): Promise<AsyncDisposable & { requireHeld(): void }> {
  const client = new Client({ connectionString: url, application_name: 'artstore-migrate' });
  let lostBy: Error | null = null;
  client.on('error', (error) => {
    lostBy = error;
  });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [lockName]);
  } catch (error) {
    await client.end();
    throw error;
  }
  return {
    requireHeld() {
      if (lostBy !== null) throw new Error('the migration lock was lost', { cause: lostBy });
    },
    async [Symbol.asyncDispose]() {
      await client.end();
    },
  };
}

import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { entities, unmappedTables } from './entities.ts';
import { migrations } from './migrations/migrations.ts';

interface OrmTimeouts {
  readonly statement_timeout?: number;
  /** Longer than the server's own limit: for a server that is gone without a word. */
  readonly query_timeout?: number;
}

const usualTimeouts: OrmTimeouts = { statement_timeout: 10_000, query_timeout: 15_000 };

/** The ORM with a small pool of its own; for work that is not on the path of a file. */
export async function openOrm(
  url: string,
  applicationName: string,
  timeouts: OrmTimeouts = usualTimeouts,
): Promise<MikroORM> {
  return await MikroORM.init({
    clientUrl: url,
    entities,
    extensions: [Migrator],
    migrations: {
      migrationsList: migrations,
      tableName: 'schema_migrations',
      snapshot: false,
      silent: true,
    },
    schemaGenerator: { skipTables: unmappedTables, ignoreRoutines: true },
    pool: { min: 0, max: 2 },
    driverOptions: {
      application_name: applicationName,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      ...timeouts,
    },
    debug: false,
  });
}

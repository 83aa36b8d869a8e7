import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { entities, unmappedTables } from './entities.ts';
import { migrations } from './migrations/migrations.ts';

/** The ORM with a small pool of its own; for work that is not on the path of a file. */
export async function openOrm(url: string, applicationName: string): Promise<MikroORM> {
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
    },
    debug: false,
  });
}

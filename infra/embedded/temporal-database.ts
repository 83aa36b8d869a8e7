import { basename, dirname } from 'node:path';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import type { PostgresAccess } from './postgres-roles.ts';
import { runCommand } from './run-command.ts';

export interface TemporalDatabaseOptions {
  readonly access: PostgresAccess;
  readonly sqlTool: string;
  readonly environment: Readonly<Record<string, string>>;
}

interface TemporalDatabase {
  readonly name: 'temporal' | 'temporal_visibility';
  readonly schema: string;
}

const mainDatabase: TemporalDatabase = { name: 'temporal', schema: 'postgresql/v12/temporal' };
const visibilityDatabase: TemporalDatabase = {
  name: 'temporal_visibility',
  schema: 'postgresql/v12/visibility',
};

/**
 * Of the 74 indexes these stay: what Temporal's own lists need, and those of our search
 * attributes, one keyword list and four keywords. The others cost a fifth of the throughput.
 */
const keptVisibilityIndexes = [
  'executions_visibility_pkey',
  'default_idx',
  'by_execution_time',
  'by_workflow_id',
  'by_workflow_type',
  'by_status',
  'by_temporal_namespace_division',
  'by_keyword_list_01',
  'by_keyword_01',
  'by_keyword_02',
  'by_keyword_03',
  'by_keyword_04',
];

/** Brings both databases of Temporal to the schema of this server version. */
export async function prepareTemporalDatabases(options: TemporalDatabaseOptions): Promise<void> {
  await using administration = await connect(options.access.urlOf('postgres', 'postgres'));
  await Promise.all([
    prepareDatabase(mainDatabase, options, administration),
    prepareDatabase(visibilityDatabase, options, administration),
  ]);
}

/**
 * Made under another name and renamed when complete: a killed first start leaves nothing half
 * made. The comment says which version of the tool has brought the schema up to date.
 */
async function prepareDatabase(
  database: TemporalDatabase,
  options: TemporalDatabaseOptions,
  administration: Connection,
): Promise<void> {
  const found = await administration.query<{ version: string | null }>(
    `SELECT shobj_description(oid, 'pg_database') AS version FROM pg_database WHERE datname = $1`,
    [database.name],
  );
  const [existing] = found.rows;
  // The folder of the tool is named after its exact version.
  const version = basename(dirname(options.sqlTool));
  if (existing?.version === version) return;
  if (existing === undefined) await createDatabase(database, options, administration);
  else await updateSchema(database.name, database.schema, options);
  if (database === visibilityDatabase) await tuneVisibility(options.access, administration);
  // A utility statement: it takes no parameters.
  await administration.query(`COMMENT ON DATABASE ${database.name} IS ${escapeLiteral(version)}`);
}

async function createDatabase(
  { name, schema }: TemporalDatabase,
  options: TemporalDatabaseOptions,
  administration: Connection,
): Promise<void> {
  const incomplete = `${name}_incomplete`;
  await administration.query(`DROP DATABASE IF EXISTS ${incomplete} WITH (FORCE)`);
  await administration.query(`CREATE DATABASE ${incomplete} OWNER temporal`);
  await runSqlTool(incomplete, ['setup-schema', '-v', '0.0'], options);
  await updateSchema(incomplete, schema, options);
  {
    await using inside = await connect(options.access.urlOf('postgres', incomplete));
    // The server looks its version up by the name of the database.
    await inside.query('UPDATE schema_version SET db_name = $1', [name]);
  }
  await administration.query(`ALTER DATABASE ${incomplete} RENAME TO ${name}`);
}

function updateSchema(
  name: string,
  schema: string,
  options: TemporalDatabaseOptions,
): Promise<void> {
  return runSqlTool(name, ['update-schema', '--schema-name', schema], options);
}

async function runSqlTool(
  database: string,
  args: readonly string[],
  { access, sqlTool, environment }: TemporalDatabaseOptions,
): Promise<void> {
  await runCommand({
    command: sqlTool,
    args: ['--db', database, ...args],
    environment: {
      ...environment,
      SQL_PLUGIN: 'postgres12_pgx',
      SQL_HOST: '127.0.0.1',
      SQL_PORT: String(access.port),
      SQL_USER: 'temporal',
      SQL_PASSWORD: access.passwordOf('temporal'),
    },
  });
}

async function tuneVisibility(access: PostgresAccess, administration: Connection): Promise<void> {
  // A list of workflows for people: the only database that may lose its last moments.
  await administration.query(
    `ALTER DATABASE ${visibilityDatabase.name} SET synchronous_commit = off`,
  );
  await using visibility = await connect(access.urlOf('temporal', visibilityDatabase.name));
  const { rows } = await visibility.query<{ indexname: string }>(
    `SELECT indexname FROM pg_indexes
      WHERE schemaname = 'public' AND tablename = 'executions_visibility'
        AND indexname <> ALL ($1)`,
    [keptVisibilityIndexes],
  );
  for (const { indexname } of rows) {
    await visibility.query(`DROP INDEX ${escapeIdentifier(indexname)}`);
  }
}

/**
 * Before every start of the server: it would wait for members of an earlier start, which are gone,
 * to answer. Fails while PostgreSQL is down.
 */
export async function forgetTemporalMembers(access: PostgresAccess): Promise<void> {
  await using main = await connect(access.urlOf('temporal', mainDatabase.name));
  await main.query('DELETE FROM cluster_membership');
}

type Connection = Client & AsyncDisposable;

async function connect(url: string): Promise<Connection> {
  const client = new Client({ connectionString: url });
  // Its statement fails too: this only keeps the event from ending the process.
  client.on('error', () => undefined);
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

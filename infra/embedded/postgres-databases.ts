import { Client, escapeLiteral } from 'pg';
import type { PostgresAccess, PostgresRole } from './postgres-roles.ts';

export const catalogueDatabase = 'artstore';

/** The roles of the product and of Temporal, and the database of the catalogue; what is there stays. */
export async function prepareRolesAndCatalogue(access: PostgresAccess): Promise<void> {
  const client = new Client({ connectionString: access.urlOf('postgres', 'postgres') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await ensureRole(client, access, 'artstore');
    await ensureRole(client, access, 'temporal');
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [
      catalogueDatabase,
    ]);
    if (found.rowCount === 0) {
      await client.query(`CREATE DATABASE ${catalogueDatabase} OWNER artstore`);
    }
  } finally {
    await client.end();
  }
}

async function ensureRole(
  client: Client,
  access: PostgresAccess,
  role: PostgresRole,
): Promise<void> {
  const found = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
  if (found.rowCount !== 0) return;
  await client.query(
    `CREATE ROLE ${role} LOGIN PASSWORD ${escapeLiteral(access.passwordOf(role))}`,
  );
}

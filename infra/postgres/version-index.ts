import type { Client } from 'pg';

/**
 * Makes the index of files that are not in the newest version say which one that is. It holds next
 * to nothing as long as no version is added; when one is, it is made anew, once, over all files.
 * @param newest a version of ours; whoever calls holds the lock of migrations
 */
export async function keepVersionIndex(client: Client, newest: string): Promise<void> {
  if (!/^\d+\.\d+$/.test(newest)) throw new TypeError(`${newest} is no version`);
  const { rows } = await client.query<{ predicate: string }>(
    `select pg_get_expr(indpred, indrelid) as predicate from pg_index
      where indexrelid = to_regclass('files_to_migrate')`,
  );
  if (rows[0]?.predicate.includes(`'${newest}'`) === true) return;
  await client.query('begin');
  try {
    await client.query('drop index if exists files_to_migrate');
    await client.query(
      `create index files_to_migrate on files (schema_version, element_id, file_id)
        where schema_version <> '${newest}'`,
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

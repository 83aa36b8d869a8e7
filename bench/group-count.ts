import { Client } from 'pg';

export interface GroupCount {
  readonly uploads: number;
  readonly groups: number;
  readonly mean: number;
}

/** Counts, in the product's own rows, the uploads stored in a window and the groups they were in. */
export async function countGroups(
  postgresUrl: string,
  window: { readonly startedAt: string; readonly endedAt: string },
): Promise<GroupCount> {
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ uploads: number; groups: number }>(
      `SELECT count(*)::int AS uploads, count(DISTINCT group_id)::int AS groups
         FROM uploads
        WHERE state = 'stored' AND finished_at >= $1 AND finished_at < $2`,
      [window.startedAt, window.endedAt],
    );
    const { uploads = 0, groups = 0 } = rows[0] ?? {};
    return { uploads, groups, mean: groups === 0 ? 0 : uploads / groups };
  } finally {
    await client.end();
  }
}

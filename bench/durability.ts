import { Client } from 'pg';

const requiredSettings = ['fsync', 'synchronous_commit', 'full_page_writes'] as const;
const reportedSettings = [
  ...requiredSettings,
  'wal_sync_method',
  'commit_delay',
  'shared_buffers',
  'max_wal_size',
  'server_version',
] as const;

export type DatabaseSettings = Readonly<Record<string, string>>;

/**
 * Figures from a database that does not wait for its disk are worth nothing: refuses unless
 * `fsync`, `synchronous_commit` and `full_page_writes` are on for whoever connects to the
 * database. A role or the database itself may override the server's setting, so these are read
 * too, for all roles.
 * @throws with every fault found.
 */
export async function requireDurableDatabase(url: string): Promise<DatabaseSettings> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const settings: Record<string, string> = {};
    for (const name of reportedSettings) {
      const { rows } = await client.query<Record<string, string>>(`SHOW ${name}`);
      settings[name] = rows[0]?.[name] ?? '';
    }
    const faults = [
      ...requiredSettings.flatMap((name) =>
        settings[name] === 'on' ? [] : [`${name} is ${settings[name]}`],
      ),
      ...(await findOverrides(client)),
    ];
    if (faults.length > 0) {
      const database = new URL(url).pathname.slice(1);
      throw new Error(`the database ${database} is not durable: ${faults.join('; ')}`);
    }
    return settings;
  } finally {
    await client.end();
  }
}

async function findOverrides(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ role: string; setting: string }>(
    `SELECT coalesce(r.rolname, 'every role') AS role, setting
       FROM pg_db_role_setting s
       LEFT JOIN pg_database d ON d.oid = s.setdatabase
       LEFT JOIN pg_roles r ON r.oid = s.setrole
       CROSS JOIN unnest(s.setconfig) AS setting
      WHERE (s.setdatabase = 0 OR d.datname = current_database())`,
  );
  return rows
    .filter(({ setting }) => {
      const [name = '', value] = setting.split('=');
      return (requiredSettings as readonly string[]).includes(name) && value !== 'on';
    })
    .map(({ role, setting }) => `${setting} for ${role}`);
}

import { Client } from 'pg';

/** Words whose frequency is known; the rest of a name and description is filler. */
export const knownWords = {
  /** In 1 %, 0.5 % and 0.1 % of the files. */
  rare: ['сверка', 'экспертиза', 'arbitration'],
  /** In 50 % and 5 % of them. */
  common: ['договор', 'поставка'],
} as const;

export const counterpartyCount = 5000;
export const amountLimit = 1_000_000;

const generator = 'bench-generator';
const batchRows = 5000;
const lanes = 2;

/** Row n is the same in every run. Times are two minutes apart, the newest has the highest n. */
const insertRows = `
  insert into files (file_id, element_id, storage_path, storage_filename, original_filename,
    file_size, content_type, created_by_username, tags, retention_policy, created_at, updated_at,
    revision, sidecar_digest, attributes)
  select id, 'edit-01', '2020/01/01/00/', filename, filename, size, 'application/pdf',
    '${generator}', '{}', 'temporary', created_at, created_at, 1, encode(sha256(id::text::bytea), 'hex'),
    json_build_object(
      'schema_version', '2.0', 'file_id', id, 'original_filename', filename,
      'storage_filename', filename, 'file_size', size, 'content_type', 'application/pdf',
      'created_at', instant, 'updated_at', instant, 'created_by_id', id,
      'created_by_username', '${generator}', 'created_by_fullname', null,
      'description', concat_ws(' ',
        (array['Оборудование для цеха', 'Services of the quarter', 'Работы по проекту',
          'Перевозка грузов', 'Maintenance of buildings', 'Обучение сотрудников'])[1 + n % 6],
        case when n % 100 = 7 then 'сверка расчётов' end,
        case when n % 200 = 13 then 'экспертиза' end,
        case when n % 1000 = 11 then 'arbitration' end),
      'version', null, 'storage_path', '2020/01/01/00/',
      'checksum', encode(sha256(id::text::bytea), 'hex'), 'metadata', json_build_object(),
      'retention', json_build_object('policy', 'temporary', 'expires_at', null,
        'finalized_at', null, 'retain_until', null, 'legal_holds', json_build_array()),
      'revision', 1,
      'custom_attributes', json_build_object(
        'counterparty', 'ООО «Контрагент ' || n * 7 % ${counterpartyCount} || '»',
        'amount', n * 7919::bigint % ${amountLimit}, 'department', 'Отдел ' || n % 20,
        'signed', n % 3 = 0))
  from (
    select n, md5('catalogue row ' || n)::uuid as id, 1000 + n % 100000 as size,
      timestamptz '2020-01-01 00:00:00+00' + n * interval '2 minutes' as created_at,
      to_char(timestamp '2020-01-01' + n * interval '2 minutes', 'YYYY-MM-DD"T"HH24:MI:SS') || '+00:00'
        as instant,
      concat_ws(' ', case when n % 2 = 0 then 'Договор' else 'Протокол' end,
        case when n % 20 = 0 then 'поставки' end, 'ДО-' || n) || '.pdf' as filename
    from generate_series($1::int, $2::int) n
  ) numbered
  on conflict (file_id) do nothing`;

/**
 * Sees to it that the catalogue has at least this many generated rows. They have no content: it
 * is the catalogue that is measured. Written without waiting for the disk, in this session only.
 */
export async function fillCatalogue(postgresUrl: string, rowCount: number): Promise<void> {
  await using first = await openClient(postgresUrl);
  const { rows } = await first.client.query<{ count: number }>(
    `select count(*)::int as count from files where created_by_username = '${generator}'`,
  );
  let next = (rows[0]?.count ?? 0) + 1;
  if (next > rowCount) return;
  console.log(`filling the catalogue up to ${rowCount} rows`);
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      await using lane = await openClient(postgresUrl);
      await lane.client.query('set synchronous_commit = off');
      while (next <= rowCount) {
        const from = next;
        next += batchRows;
        await lane.client.query(insertRows, [from, Math.min(from + batchRows - 1, rowCount)]);
      }
    }),
  );
  await first.client.query('vacuum analyze files');
}

async function openClient(connectionString: string) {
  const client = new Client({ connectionString });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

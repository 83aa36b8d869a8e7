import type {
  ChunkRecord,
  ChunkRecording,
  RewrittenFile,
  ShardWork,
} from '#domain/ports/migration-files.ts';
import { columnOfText } from './column-types.ts';
import { columnArrays, deriveFileColumns } from './file-columns.ts';
import type { Database } from './open-pool.ts';

/** Columns of `files` that follow from a sidecar; their values come in this order. */
const rewrittenTypes = [
  'uuid',
  'text',
  'text',
  'text',
  'text',
  'bigint',
  'text',
  'text',
  'text',
  'text',
  'timestamptz',
  'timestamptz',
  'bigint',
] as const;

/** Parameters from `$first` on, as rows. */
export const rewrittenRows = (first: number): string =>
  `unnest(${rewrittenTypes.map((type, index) => `$${first + index}::${type}[]`).join(', ')})
    as w (file_id, attributes, sidecar_digest, schema_version, original_filename, file_size,
      content_type, created_by_username, tags, retention_policy, created_at, updated_at, revision)`;

export const rewrite = `attributes = w.attributes::json, sidecar_digest = w.sidecar_digest,
  schema_version = w.schema_version, original_filename = w.original_filename,
  file_size = w.file_size, content_type = w.content_type,
  created_by_username = w.created_by_username, tags = w.tags::text[],
  retention_policy = w.retention_policy, created_at = w.created_at, updated_at = w.updated_at,
  revision = w.revision`;

export const release = 'claimed_by = null, claim_operation_id = null, claimed_at = null';

/** One statement, and so one transaction. Locks operation and shard, then files by id. */
const record = {
  name: 'record-migration-chunk',
  text: `with op as (
      select operation_id from operations where operation_id = $1 and finished_at is null for share
    ), part as (
      select s.operation_id, s.element_id from migration_shards s join op using (operation_id)
      where s.shard = $2 and s.chunk = $3 and s.state <> 'ended' for no key update of s
    ), held as (
      select f.file_id from files f, part
      where f.file_id = any($8::uuid[]) and f.claim_operation_id = $1 and f.claimed_by = $9
      order by f.file_id for no key update of f
    ), turn as (
      select element_id from part
      where (select count(*) from held) = cardinality($8::uuid[])
    ), rewritten as (
      update files f set ${rewrite}, ${release}
      from turn, ${rewrittenRows(16)} where f.file_id = w.file_id
      returning f.file_id, f.element_id
    ), released as (
      update files f set ${release}
      from turn where f.file_id = any($8::uuid[]) and f.file_id <> all($16::uuid[])
    ), kept as (
      update migration_files m set state = $11
      from turn where m.run_id = $10 and m.file_id = any($16::uuid[])
    ), dropped as (
      delete from migration_files m using turn
      where m.run_id = $10 and m.file_id = any($8::uuid[]) and m.file_id <> all($16::uuid[])
        and m.state = 'prepared'
    ), failed as (
      insert into operation_failures (operation_id, failure_key, file_id, element_id, path, code,
        detail)
      select $1, d.file_id::text, d.file_id, turn.element_id, d.path, d.code, d.detail
      from turn, unnest($12::uuid[], $13::text[], $14::text[], $15::text[])
        as d (file_id, path, code, detail)
      on conflict (operation_id, failure_key) do nothing
    ), solved as (
      delete from operation_failures d using turn, migration_runs r
      where d.operation_id = r.operation_id and r.root_run = $10 and r.work = $29
        and d.failure_key = any($16::uuid[]::text[])
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select $30, 'migration', $1::text, array_agg(file_id order by file_id),
        json_build_object('element_id', element_id, 'operation_id', $1::uuid)
      from rewritten group by element_id
    )
    update migration_shards s
    set state = 'running', chunk = s.chunk + 1, position = $4, pass_count = $5, done = s.done + $6,
      failed = s.failed + cardinality($12::uuid[]), tallies = $7::json
    from turn where s.operation_id = $1 and s.shard = $2
    returning s.shard`,
};

/** Why nothing was recorded. */
const look = {
  name: 'look-at-migration-chunk',
  text: `select s.shard from migration_shards s join operations o using (operation_id)
    where s.operation_id = $1 and s.shard = $2 and s.chunk = $3 and s.state <> 'ended'
      and o.finished_at is null`,
};

export const migratedEvents = {
  migrate: 'files.attributes_migrated',
  revert: 'files.attributes_reverted',
} as const;

export async function recordChunk(
  database: Database,
  { run, shard, claimedBy }: ShardWork,
  chunk: ChunkRecord,
): Promise<ChunkRecording> {
  const { failures } = chunk;
  const recorded = await database.query(record, [
    run.operationId,
    shard.shard,
    chunk.chunk,
    chunk.position,
    chunk.passCount,
    chunk.doneCount,
    JSON.stringify(chunk.tallies),
    chunk.claims,
    claimedBy,
    run.rootRun,
    run.work === 'migrate' ? 'migrated' : 'reverted',
    failures.map(({ fileId }) => fileId),
    failures.map(({ path }) => path),
    failures.map(({ code }) => code),
    failures.map(({ detail }) => columnOfText(detail, 4000)),
    ...rewrittenValues(chunk.rewritten),
    run.work,
    migratedEvents[run.work],
  ]);
  if (recorded.length > 0) return 'recorded';
  const standing = await database.query(look, [run.operationId, shard.shard, chunk.chunk]);
  return standing.length > 0 ? 'claims-lost' : 'out-of-turn';
}

export function rewrittenValues(rewritten: readonly RewrittenFile[]): unknown[] {
  const columns = rewritten.map(({ sidecar }) => deriveFileColumns(sidecar.attributes));
  return [
    rewritten.map(({ fileId }) => fileId),
    rewritten.map(({ sidecar }) => sidecar.attributesText),
    rewritten.map(({ sidecar }) => sidecar.digest),
    rewritten.map(({ sidecar }) => sidecar.schemaVersion),
    ...columnArrays(columns),
  ];
}

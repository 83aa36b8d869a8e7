import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { MigrationRun } from '#domain/migrations/migration-run.ts';
import type { HeldFile, HeldFilter, RewrittenFile } from '#domain/ports/migration-files.ts';
import { keptOfRow, type KeptRow } from './migration-rows.ts';
import {
  migratedEvents,
  release,
  rewrite,
  rewrittenRows,
  rewrittenValues,
} from './migration-recording.ts';
import type { Database } from './open-pool.ts';

/** What is kept of a file tells what its sidecar may have become. */
const find = {
  name: 'find-held-by-migration',
  text: `with picked as (
      select f.file_id, f.claim_operation_id from files f
      where f.element_id = $1 and f.claimed_by is not null
        and f.claimed_by like 'migrate-attributes/%'
        and (f.claim_operation_id = $2::uuid and f.claimed_by = $3::text
          or f.file_id = $4::uuid
          or f.claimed_at < now() - $5::bigint * interval '1 millisecond'
            and not exists (select from operations o
              where o.operation_id = f.claim_operation_id and o.finished_at is null))
      order by f.file_id limit $6
    )
    select f.file_id, f.storage_path, f.storage_filename, f.sidecar_digest, f.claimed_by,
      true as is_held,
      f.claim_operation_id as operation_id, coalesce(r.work, 'migrate') as work, m.original,
      m.original_digest, m.migrated_digest
    from picked join files f using (file_id)
    left join migration_runs r on r.operation_id = f.claim_operation_id
    left join migration_files m on m.run_id = r.root_run and m.file_id = f.file_id
      and m.state = case r.work when 'migrate' then 'prepared' else 'migrated' end
    where f.claim_operation_id = (select claim_operation_id from picked limit 1)
    order by f.file_id`,
};

/** Rows first, then what hangs on them; a claim that is not there any more is left alone. */
const settle = {
  name: 'settle-held-by-migration',
  text: `with held as (
      select f.file_id, f.claimed_by from files f
      where f.file_id = any($1::uuid[]) and f.claim_operation_id = $2
      order by f.file_id for no key update
    ), run as (
      select root_run, work from migration_runs where operation_id = $2
    ), rewritten as (
      update files f set ${rewrite}, ${release}
      from held, ${rewrittenRows(4)} where f.file_id = w.file_id and f.file_id = held.file_id
      returning f.file_id, f.element_id, held.claimed_by
    ), released as (
      update files f set ${release}
      from held where f.file_id = held.file_id and f.file_id <> all($4::uuid[])
    ), kept as (
      update migration_files m
      set state = case run.work when 'migrate' then 'migrated' else 'reverted' end
      from run, rewritten where m.run_id = run.root_run and m.file_id = rewritten.file_id
    ), dropped as (
      delete from migration_files m using run, held
      where m.run_id = run.root_run and m.file_id = held.file_id and m.state = 'prepared'
        and m.file_id <> all($4::uuid[])
    ), counted as (
      update migration_shards s set done = s.done + d.count
      from (
        select split_part(claimed_by, '/', 3)::integer as shard, count(*) as count
        from rewritten group by 1
      ) d where s.operation_id = $2 and s.shard = d.shard
    )
    insert into outbox (type, subject_type, subject_id, file_ids, data)
    select $3, 'migration', $2::text, array_agg(file_id order by file_id),
      json_build_object('element_id', element_id, 'operation_id', $2::uuid)
    from rewritten group by element_id`,
};

interface HeldRow extends KeptRow {
  readonly operation_id: OperationId;
  readonly claimed_by: string;
  readonly work: MigrationRun['work'];
}

export async function findHeld(
  database: Database,
  elementId: ElementId,
  filter: HeldFilter,
): Promise<readonly HeldFile[]> {
  const rows = await database.query<HeldRow>(find, [
    elementId,
    filter.kind === 'shard' ? filter.operationId : null,
    filter.kind === 'shard' ? filter.claimedBy : null,
    filter.kind === 'file' ? filter.fileId : null,
    filter.kind === 'orphans' ? filter.idleMs : null,
    limits.migrationChunkFiles,
  ]);
  return rows.map((row) => ({
    ...keptOfRow(row),
    operationId: row.operation_id,
    claimedBy: row.claimed_by,
    work: row.work,
  }));
}

export async function settleHeld(
  database: Database,
  held: readonly HeldFile[],
  rewritten: readonly RewrittenFile[],
): Promise<void> {
  const [first] = held;
  if (first === undefined) return;
  const fileIds: FileId[] = held.map(({ fileId }) => fileId);
  await database.query(settle, [
    fileIds,
    first.operationId,
    migratedEvents[first.work],
    ...rewrittenValues(rewritten),
  ]);
}

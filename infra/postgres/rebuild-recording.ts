import type { RebuildBatch } from '#domain/ports/catalogue-rebuild.ts';
import { progressOfRun, resultOfRun } from '#domain/rebuild/rebuild-run.ts';
import { rebuildBatchRefusedState, sqlState } from './database-errors.ts';
import { columnArrays, deriveFileColumns } from './file-columns.ts';
import { isVisible } from './file-list-query.ts';
import type { Database } from './open-pool.ts';

/**
 * One statement, and so one transaction. Locks the operation, then files by id, the elements'
 * counters last. The run is compared as the text that was written: JSON keeps every byte of it.
 */
const record = {
  name: 'record-rebuild-batch',
  text: `with op as (
      select operation_id from operations
      where operation_id = $1 and finished_at is null and input::text = $3 for no key update
    ), given as (
      select g.* from op, unnest($7::uuid[], $8::text[], $9::text[], $10::text[], $11::bigint[],
        $12::text[], $13::text[], $14::text[], $15::text[], $16::timestamptz[],
        $17::timestamptz[], $18::bigint[], $19::text[], $20::text[], $21::text[], $22::text[],
        $23::text[])
        as g (file_id, storage_path, storage_filename, original_filename, file_size, content_type,
          created_by_username, tags, retention_policy, created_at, updated_at, revision, state,
          sidecar_digest, attributes, expected_digest, schema_version)
    ), held as (
      select f.file_id from files f join given g using (file_id)
      where f.sidecar_digest = g.expected_digest and f.claimed_by is null and ${isVisible}
      order by f.file_id for no key update of f
    ), replaced as (
      update files f
      set element_id = $2, storage_path = g.storage_path, storage_filename = g.storage_filename,
        original_filename = g.original_filename, file_size = g.file_size,
        content_type = g.content_type, created_by_username = g.created_by_username,
        tags = g.tags::text[], retention_policy = g.retention_policy, created_at = g.created_at,
        updated_at = g.updated_at, revision = g.revision, sidecar_digest = g.sidecar_digest,
        attributes = g.attributes::json, schema_version = g.schema_version,
        -- Damage that is known of content in its place is not undone by a change of its sidecar.
        state = case when g.state = 'stored' and f.state <> 'missing'
            and (f.element_id, f.storage_path, f.storage_filename)
              = ($2, g.storage_path, g.storage_filename)
          then f.state else g.state end,
        verified_at = case when (f.element_id, f.storage_path, f.storage_filename)
            = ($2, g.storage_path, g.storage_filename)
          then f.verified_at end
      from held join given g using (file_id)
      where f.file_id = held.file_id and f.sidecar_digest = g.expected_digest
        and f.claimed_by is null
      returning f.file_id, f.file_size, old.element_id as was_element_id,
        old.file_size as was_file_size
    ), added as (
      insert into files (file_id, element_id, storage_path, storage_filename, original_filename,
        file_size, content_type, created_by_username, tags, retention_policy, created_at,
        updated_at, revision, state, sidecar_digest, attributes, schema_version)
      select g.file_id, $2, g.storage_path, g.storage_filename, g.original_filename, g.file_size,
        g.content_type, g.created_by_username, g.tags::text[], g.retention_policy, g.created_at,
        g.updated_at, g.revision, g.state, g.sidecar_digest, g.attributes::json, g.schema_version
      from given g
      where g.expected_digest is null
        and not exists (select from tombstones t where t.file_id = g.file_id)
      order by g.file_id
      on conflict (file_id) do nothing
      returning file_id, file_size
    ), written as (
      select file_id from replaced union all select file_id from added
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select 'files.rebuilt', 'storage_element', $2, array_agg(file_id order by file_id),
        json_build_object('element_id', $2::text, 'operation_id', $1::uuid)
      from written having count(*) > 0
    ), difference as (
      select element_id, sum(bytes)::bigint as bytes from (
        select $2::text as element_id, file_size as bytes from replaced
        union all select $2::text, file_size from added
        union all select was_element_id, -was_file_size from replaced
      ) changes group by element_id
    ), counted as (
      select e.element_id from storage_elements e
      where e.element_id in (select element_id from difference where bytes <> 0)
      order by e.element_id for no key update
    ), settled as (
      update storage_elements e set used_bytes = greatest(e.used_bytes + d.bytes, 0)
      from counted join difference d using (element_id)
      where e.element_id = counted.element_id
    ), moved as (
      update operations o
      set input = $4::json, progress = $5::json, result = $6::json, updated_at = now()
      from op where o.operation_id = op.operation_id
      returning o.operation_id
    )
    select case when (select count(*) from written) <> cardinality($7::uuid[])
      then refuse_rebuild_batch() end as refused
    from moved`,
};

export async function recordRebuildBatch(
  database: Database,
  batch: RebuildBatch,
): Promise<'applied' | 'rows-changed' | 'run-changed'> {
  const { operationId, elementId, from, to } = batch;
  try {
    const moved = await database.query(record, [
      operationId,
      elementId,
      JSON.stringify(from),
      JSON.stringify(to),
      JSON.stringify(progressOfRun(to)),
      JSON.stringify(resultOfRun(to, null)),
      ...rowValues(batch),
    ]);
    return moved.length > 0 ? 'applied' : 'run-changed';
  } catch (error) {
    if (sqlState(error) === rebuildBatchRefusedState) return 'rows-changed';
    throw error;
  }
}

function rowValues({ rows }: RebuildBatch): unknown[] {
  const columns = rows.map(({ attributes }) => deriveFileColumns(attributes));
  return [
    rows.map((row) => row.fileId),
    rows.map((row) => row.storagePath),
    rows.map((row) => row.storageFilename),
    ...columnArrays(columns),
    rows.map((row) => row.state),
    rows.map((row) => row.sidecarDigest),
    rows.map((row) => row.text),
    rows.map((row) => row.expectedDigest),
    rows.map((row) => row.schemaVersion),
  ];
}

import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { ElementRows } from '#domain/ports/element-rows.ts';
import { modePermits, type StorageMode } from '#domain/storage-mode/storage-mode.ts';
import { columnArrays, deriveFileColumns } from './file-columns.ts';
import type { Database } from './open-pool.ts';

const modes: readonly StorageMode[] = ['edit', 'rw', 'ro', 'ar'];
const repairedModes = modes.filter((mode) => modePermits(mode, 'create'));

/** One statement, and so one transaction. Locks the operation, then files by id, counters last. */
const add = {
  name: 'add-missing-rows',
  text: `with op as (
      select o.operation_id from operations o
      where o.operation_id = $1 and o.finished_at is null
        and exists (select from storage_elements e
          where e.element_id = $2 and e.mode = any($3::text[]))
      for no key update of o
    ), given as (
      select g.* from op, unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::bigint[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[],
        $14::timestamptz[], $15::bigint[], $16::text[], $17::text[], $18::text[],
        $19::text[])
        as g (file_id, storage_path, storage_filename, original_filename, file_size, content_type,
          created_by_username, tags, retention_policy, created_at, updated_at, revision, state,
          sidecar_digest, attributes, schema_version)
    ), added as (
      insert into files (file_id, element_id, storage_path, storage_filename, original_filename,
        file_size, content_type, created_by_username, tags, retention_policy, created_at,
        updated_at, revision, state, sidecar_digest, attributes, schema_version)
      select g.file_id, $2, g.storage_path, g.storage_filename, g.original_filename, g.file_size,
        g.content_type, g.created_by_username, g.tags::text[], g.retention_policy, g.created_at,
        g.updated_at, g.revision, g.state, g.sidecar_digest, g.attributes::json, g.schema_version
      from given g
      where not exists (select from tombstones t where t.file_id = g.file_id)
        and not exists (select from uploads u
          where u.file_id = g.file_id and u.finished_at is null)
        and not exists (select from files f where f.element_id = $2
          and f.storage_path = g.storage_path and f.storage_filename = g.storage_filename)
      order by g.file_id
      on conflict (file_id) do nothing
      returning file_id, file_size
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select 'files.rebuilt', 'storage_element', $2, array_agg(file_id order by file_id),
        json_build_object('element_id', $2::text, 'operation_id', $1::uuid)
      from added having count(*) > 0
    ), settled as (
      update storage_elements e set used_bytes = e.used_bytes + a.bytes
      from (select sum(file_size)::bigint as bytes from added) a
      where e.element_id = $2 and a.bytes > 0
    )
    select file_id from added`,
};

export async function addMissingRows(
  database: Database,
  given: {
    readonly operationId: OperationId;
    readonly elementId: ElementId;
    readonly rows: Parameters<ElementRows['addRows']>[2];
  },
): Promise<ReadonlySet<FileId>> {
  const { operationId, elementId, rows } = given;
  if (rows.length === 0) return new Set();
  const columns = rows.map(({ attributes }) => deriveFileColumns(attributes));
  const added = await database.query<{ file_id: FileId }>(add, [
    operationId,
    elementId,
    repairedModes,
    rows.map((row) => row.fileId),
    rows.map((row) => row.storagePath),
    rows.map((row) => row.storageFilename),
    ...columnArrays(columns),
    rows.map((row) => row.state),
    rows.map((row) => row.sidecarDigest),
    rows.map((row) => row.text),
    rows.map((row) => row.schemaVersion),
  ]);
  return new Set(added.map((row) => row.file_id));
}

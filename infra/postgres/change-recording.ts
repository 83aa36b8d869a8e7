import type { Attributes } from '#domain/attributes/attributes-types.ts';
import type { OperationId } from '#domain/ids.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { deriveFileColumns } from './file-columns.ts';
import type { Database } from './open-pool.ts';

const findInput = {
  name: 'find-change-input',
  text: `select state, input from operations where operation_id = $1`,
};

/** One statement, and so one transaction. Locks the operation, then the file, the element last. */
const record = {
  name: 'record-attributes',
  text: `with op as (
      select operation_id, subject_id::uuid as file_id from operations
      where operation_id = $1 and finished_at is null for no key update
    ), recorded as (
      update files f
      set attributes = $2::json, sidecar_digest = $3, original_filename = $4, file_size = $5,
        content_type = $6, created_by_username = $7, tags = $8::text[], retention_policy = $9,
        created_at = $10, updated_at = $11, revision = $12, schema_version = $13,
        claimed_by = null, claim_operation_id = null, claimed_at = null
      from op where f.file_id = op.file_id and f.claim_operation_id = op.operation_id
      returning f.file_id, f.element_id
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select 'file.attributes_changed', 'file', file_id::text, array[file_id],
        json_build_object('element_id', element_id, 'operation_id', $1::uuid)
      from recorded
    ), found as (
      -- Without the claim, a row that has this sidecar already was brought there by a rebuild.
      select file_id from recorded
      union all
      select f.file_id from files f join op using (file_id)
      where f.sidecar_digest = $3 and not exists (select from recorded)
    )
    update operations o
    set state = 'completed', input = null, updated_at = now(), finished_at = now()
    from found where o.operation_id = $1 and o.finished_at is null
    returning o.operation_id`,
};

/** @returns false when the file is no longer this operation's and has another sidecar. */
export async function recordAttributes(
  database: Database,
  operationId: OperationId,
): Promise<boolean> {
  const [operation] = await database.query<{ state: string; input: string | null }>(findInput, [
    operationId,
  ]);
  if (operation === undefined) return false;
  if (operation.input === null) return operation.state === 'completed';
  const { sidecar, sidecar_digest: digest } = JSON.parse(operation.input) as {
    sidecar: string;
    sidecar_digest: string;
  };
  const attributes = JSON.parse(sidecar) as Attributes;
  const columns = deriveFileColumns(attributes);
  const done = await database.query(record, [
    operationId,
    sidecar,
    digest,
    columns.originalFilename,
    columns.fileSize,
    columns.contentType,
    columns.createdByUsername,
    columns.tags,
    columns.retentionPolicy,
    columns.createdAt,
    columns.updatedAt,
    columns.revision,
    attributes.schema_version,
  ]);
  return done.length > 0 || (await isCompleted(database, operationId));
}

const giveUp = {
  name: 'give-up-change',
  text: `with op as (
      select operation_id, subject_id::uuid as file_id from operations
      where operation_id = $1 for no key update
    ), released as (
      update files f
      set claimed_by = null, claim_operation_id = null, claimed_at = null, tombstoned_at = null
      from op where f.file_id = op.file_id and f.claim_operation_id = op.operation_id
      returning f.file_id, f.element_id, old.tombstoned_at as was_tombstoned_at
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select 'file.deletion_cancelled', 'file', file_id::text, array[file_id],
        json_build_object('element_id', element_id, 'operation_id', $1::uuid)
      from released where was_tombstoned_at is not null
    )
    update operations o
    set state = $2, failure_code = $3, failure_detail = $4, input = null, updated_at = now(),
      finished_at = now()
    from op where o.operation_id = op.operation_id and o.finished_at is null`,
};

export async function giveUpChange(
  database: Database,
  end: {
    readonly operationId: OperationId;
    readonly state: 'failed' | 'cancelled';
    readonly failure: UploadFailure;
  },
): Promise<void> {
  const { operationId, state, failure } = end;
  await database.query(giveUp, [operationId, state, failure.code, failure.detail]);
}

const purge = {
  name: 'purge-file',
  text: `with op as (
      select operation_id, subject_id::uuid as file_id, started_by from operations
      where operation_id = $1 and finished_at is null for no key update
    ), gone as (
      delete from files f using op
      where f.file_id = op.file_id and f.claim_operation_id = op.operation_id
      returning f.*, op.started_by
    ), kept as (
      insert into tombstones (file_id, checksum, deleted_by, deleted_at, operation_id, element_id,
        storage_path, storage_filename, original_filename, file_size, sidecar_digest)
      select file_id, $2, started_by, tombstoned_at, $1, element_id, storage_path,
        storage_filename, original_filename, file_size, sidecar_digest
      from gone
      on conflict (file_id) do update set checksum = excluded.checksum,
        deleted_by = excluded.deleted_by, deleted_at = excluded.deleted_at,
        operation_id = excluded.operation_id, element_id = excluded.element_id,
        storage_path = excluded.storage_path, storage_filename = excluded.storage_filename,
        original_filename = excluded.original_filename, file_size = excluded.file_size,
        sidecar_digest = excluded.sidecar_digest
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select 'file.deleted', 'file', file_id::text, array[file_id],
        json_build_object('element_id', element_id, 'operation_id', $1::uuid)
      from gone
    ), freed as (
      update storage_elements e set used_bytes = greatest(e.used_bytes - g.file_size, 0)
      from gone g where e.element_id = g.element_id
    )
    update operations o
    set state = 'completed', input = null, updated_at = now(), finished_at = now()
    from gone where o.operation_id = $1 and o.finished_at is null
    returning o.operation_id`,
};

export async function purgeFile(
  database: Database,
  operationId: OperationId,
  checksum: string,
): Promise<boolean> {
  const done = await database.query(purge, [operationId, checksum]);
  return done.length > 0 || (await isCompleted(database, operationId));
}

async function isCompleted(database: Database, operationId: OperationId): Promise<boolean> {
  const [operation] = await database.query<{ state: string }>(findInput, [operationId]);
  return operation?.state === 'completed';
}

import type { Attributes } from '#domain/attributes/attributes-types.ts';
import type { FileId, GroupId } from '#domain/ids.ts';
import type { FileOutcome } from '#domain/uploads.ts';
import { columnArrays, deriveFileColumns } from './file-columns.ts';
import type { FileColumns } from './file-columns.ts';
import type { Database } from './open-pool.ts';
import { outcomeOfRow } from './upload-rows.ts';
import type { FailureRow } from './upload-rows.ts';

const findSidecars = {
  name: 'find-group-sidecars',
  text: `select file_id, sidecar from uploads where group_id = $1 and state = 'committing'`,
};

/** One statement, and so one transaction. Locks uploads by id, the element's counters last. */
const record = {
  name: 'record-group',
  text: `with decision as (
      select * from unnest($2::uuid[], $3::text[], $4::text[])
        as d (file_id, failure_code, failure_detail)
    ), locked as (
      select file_id from uploads
      where file_id = any($2::uuid[]) and group_id = $1 and state = 'committing'
      order by file_id for no key update
    ), decided as (
      update uploads u
      set state = case when d.failure_code is null then 'stored' else 'failed' end,
        failure_code = d.failure_code, failure_detail = d.failure_detail,
        reserved_bytes = 0, updated_at = now(), finished_at = now()
      from locked join decision d using (file_id)
      where u.file_id = locked.file_id and u.group_id = $1 and u.state = 'committing'
      returning u.file_id, u.element_id, u.failure_code, u.failure_detail, u.storage_path,
        u.storage_filename, u.sidecar, u.sidecar_digest, old.reserved_bytes as released
    ), catalogued as (
      insert into files (file_id, element_id, storage_path, storage_filename, original_filename,
        file_size, content_type, created_by_username, tags, retention_policy, created_at,
        updated_at, revision, sidecar_digest, attributes, schema_version)
      select d.file_id, d.element_id, d.storage_path, d.storage_filename, c.original_filename,
        c.file_size, c.content_type, c.created_by_username, c.tags::text[], c.retention_policy,
        c.created_at, c.updated_at, c.revision, d.sidecar_digest, d.sidecar::json,
        c.schema_version
      from unnest($5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[],
        $11::text[], $12::timestamptz[], $13::timestamptz[], $14::bigint[],
        $15::text[])
        as c (file_id, original_filename, file_size, content_type, created_by_username, tags,
          retention_policy, created_at, updated_at, revision, schema_version)
      join decided d using (file_id)
      where d.failure_code is null
      on conflict (file_id) do nothing
      returning file_id, element_id, file_size
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select 'file.stored', 'file', file_id::text, array[file_id],
        json_build_object('element_id', element_id)
      from catalogued
    ), settled as (
      update storage_elements e
      set reserved_bytes = e.reserved_bytes - s.released, used_bytes = e.used_bytes + s.used
      from (
        select d.element_id, sum(d.released)::bigint as released,
          coalesce(sum(c.file_size), 0)::bigint as used
        from decided d left join catalogued c using (file_id)
        group by d.element_id
      ) s
      where e.element_id = s.element_id
    )
    select file_id, failure_code, failure_detail from decided`,
};

const findOutcomes = {
  name: 'find-group-outcomes',
  text: `select file_id, failure_code, failure_detail from uploads
    where group_id = $1 and state in ('stored', 'failed')`,
};

export async function recordGroup(
  database: Database,
  groupId: GroupId,
  outcomes: readonly FileOutcome[],
): Promise<readonly FileOutcome[]> {
  const staged = await database.query<{ file_id: FileId; sidecar: string }>(findSidecars, [
    groupId,
  ]);
  if (staged.length > 0) {
    const decided = await database.query<FailureRow>(record, [
      groupId,
      outcomes.map((outcome) => outcome.fileId),
      outcomes.map((outcome) => (outcome.ok ? null : outcome.code)),
      outcomes.map((outcome) => (outcome.ok ? null : outcome.detail)),
      ...catalogueValues(staged, outcomes),
    ]);
    // The whole group at once is the rule; what an earlier attempt decided must be looked up.
    if (decided.length === staged.length && decided.length === outcomes.length) {
      return decided.map(outcomeOfRow);
    }
  }
  const rows = await database.query<FailureRow>(findOutcomes, [groupId]);
  return rows.map(outcomeOfRow);
}

function catalogueValues(
  staged: readonly { readonly file_id: FileId; readonly sidecar: string }[],
  outcomes: readonly FileOutcome[],
): unknown[] {
  const stored = new Set(outcomes.filter((outcome) => outcome.ok).map(({ fileId }) => fileId));
  const ids: FileId[] = [];
  const rows: FileColumns[] = [];
  const versions: string[] = [];
  for (const { file_id: fileId, sidecar } of staged.filter((row) => stored.has(row.file_id))) {
    ids.push(fileId);
    const attributes = JSON.parse(sidecar) as Attributes;
    rows.push(deriveFileColumns(attributes));
    versions.push(attributes.schema_version);
  }
  return [ids, ...columnArrays(rows), versions];
}

import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { UploadFailure, UploadState } from '#domain/uploads.ts';
import type { Database, Statement } from './open-pool.ts';

/** Ways to the state `failed`, each with the room given back in the same statement. */
interface FileRow {
  readonly file_id: FileId;
}

/**
 * @param doomed selects `file_id` of the rows and locks them, in order of the id or skipping what
 *   is locked, so that no two statements wait for each other
 * @param states the states of `doomed` again: a row that another one changed first is left alone
 */
const failing = (doomed: string, states: string, failure: string): string => `
  with doomed as (${doomed}), failed as (
    update uploads u
    set state = 'failed', reserved_bytes = 0, updated_at = now(), finished_at = now(),
      (failure_code, failure_detail) = (${failure})
    from doomed
    where u.file_id = doomed.file_id and ${states}
    returning u.file_id, u.element_id, old.reserved_bytes as bytes
  ), released as (
    update storage_elements e set reserved_bytes = e.reserved_bytes - r.bytes
    from (
      select s.element_id, f.bytes from storage_elements s
      join (select element_id, sum(bytes)::bigint as bytes from failed group by element_id) f
        using (element_id)
      where f.bytes > 0
      order by s.element_id for no key update of s
    ) r
    where e.element_id = r.element_id
  )
  select file_id from failed`;

const fail: Statement = {
  name: 'fail-uploads',
  text: failing(
    `select file_id from uploads where file_id = any($1::uuid[]) and state = any($2::text[])
      order by file_id for no key update`,
    'u.state = any($2::text[])',
    'select $3::text, $4::text',
  ),
};

const receivingDied = `'REQUEST_TIMEOUT'::text, 'The upload was broken off before its end.'::text`;
const stagedDied = `'WORKFLOWS_UNAVAILABLE'::text, 'The upload was received but nothing stored it.'::text`;

const abandonByIds: Statement = {
  name: 'abandon-expired-uploads',
  text: failing(
    `select file_id from uploads
      where file_id = any($1::uuid[]) and state = 'receiving' and lease_expires_at < now()
      order by file_id for no key update`,
    `u.state = 'receiving' and u.lease_expires_at < now()`,
    `select ${receivingDied}`,
  ),
};

const isDead = `(u.state = 'receiving' and u.lease_expires_at < now()
  or u.state = 'staged' and u.updated_at < now() - $2::bigint * interval '1 millisecond')`;

const abandonOnElement: Statement = {
  name: 'abandon-dead-uploads',
  text: failing(
    `select u.file_id from uploads u
      where u.element_id = $1 and u.finished_at is null and ${isDead}
      order by u.updated_at limit $3 for no key update skip locked`,
    isDead,
    `select case when old_state = 'staged' then code_s else code_r end,
        case when old_state = 'staged' then detail_s else detail_r end
      from (values (u.state, ${receivingDied}, ${stagedDied}))
        as f (old_state, code_r, detail_r, code_s, detail_s)`,
  ),
};

const findStalled: Statement = {
  text: `select distinct group_id from uploads
    where element_id = $1 and finished_at is null and state = 'committing'
      and updated_at < now() - $2::bigint * interval '1 millisecond'
    limit $3`,
};

const forget: Statement = {
  text: `with old as (
      select file_id from uploads
      where element_id = $1 and finished_at is not null
        and finished_at < now() - interval '1 hour' * case
          when state = 'stored' then $2::bigint else $3::bigint end
      order by finished_at limit $4 for update skip locked
    )
    delete from uploads u using old where u.file_id = old.file_id
    returning u.file_id`,
};

export async function failUploads(
  database: Database,
  fileIds: readonly FileId[],
  change: { readonly from: readonly UploadState[]; readonly failure: UploadFailure },
): Promise<ReadonlySet<FileId>> {
  const { from, failure } = change;
  return await changedIds(database, fail, [fileIds, from, failure.code, failure.detail]);
}

/** Only those that are still receiving with an expired lease, by the database's clock. */
export async function abandonExpired(
  database: Database,
  fileIds: readonly FileId[],
): Promise<ReadonlySet<FileId>> {
  return await changedIds(database, abandonByIds, [fileIds]);
}

export async function abandonDeadUploads(
  database: Database,
  elementId: ElementId,
): Promise<ReadonlySet<FileId>> {
  return await changedIds(database, abandonOnElement, [
    elementId,
    limits.stagedUploadKeptMs,
    limits.sweepBatch,
  ]);
}

export async function findStalledGroups(
  database: Database,
  elementId: ElementId,
  idleMs: number,
): Promise<readonly GroupId[]> {
  const rows = await database.query<{ group_id: GroupId }>(findStalled, [
    elementId,
    idleMs,
    limits.sweepBatch,
  ]);
  return rows.map((row) => row.group_id);
}

export async function forgetFinishedUploads(
  database: Database,
  elementId: ElementId,
): Promise<number> {
  const rows = await database.query(forget, [
    elementId,
    limits.idempotencyKeyKeptHours,
    limits.failedUploadKeptHours,
    limits.sweepBatch,
  ]);
  return rows.length;
}

async function changedIds(
  database: Database,
  statement: Statement,
  values: readonly unknown[],
): Promise<ReadonlySet<FileId>> {
  const rows = await database.query<FileRow>(statement, values);
  return new Set(rows.map((row) => row.file_id));
}

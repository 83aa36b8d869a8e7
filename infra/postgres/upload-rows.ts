import type { ErrorCode } from '#domain/errors.ts';
import type { AccountId, ElementId, FileId, GroupId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { FileOutcome, StagedUpload, Upload, UploadState } from '#domain/uploads.ts';

export interface StagedRow {
  readonly file_id: FileId;
  readonly element_id: ElementId;
  readonly sidecar: string;
  readonly sidecar_digest: string;
  readonly storage_path: string;
  readonly storage_filename: string;
  readonly size_bytes: number;
  readonly fingerprint: string;
}

export interface UploadRow extends Omit<StagedRow, 'sidecar'> {
  readonly account_id: AccountId;
  readonly state: UploadState;
  readonly idempotency_key: string | null;
  readonly reserved_bytes: number;
  readonly group_id: GroupId | null;
  /** The columns of `StagedRow` are null as long as this one is. */
  readonly sidecar: string | null;
  readonly failure_code: ErrorCode | null;
  readonly failure_detail: string | null;
  readonly created_at: Instant;
  readonly updated_at: Instant;
  readonly finished_at: Instant | null;
}

export interface FailureRow {
  readonly file_id: FileId;
  readonly failure_code: ErrorCode | null;
  readonly failure_detail: string | null;
}

export const stagedColumns = `u.file_id, u.element_id, u.sidecar, u.sidecar_digest, u.storage_path,
  u.storage_filename, u.size_bytes, u.fingerprint`;

export const uploadColumns = `${stagedColumns}, u.account_id, u.state, u.idempotency_key,
  u.reserved_bytes, u.group_id, u.failure_code, u.failure_detail, u.created_at, u.updated_at,
  u.finished_at`;

export function uploadOfRow(row: UploadRow): Upload {
  return {
    fileId: row.file_id,
    accountId: row.account_id,
    elementId: row.element_id,
    state: row.state,
    idempotencyKey: row.idempotency_key,
    reservedBytes: row.reserved_bytes,
    groupId: row.group_id,
    staged: row.sidecar === null ? null : stagedOfRow({ ...row, sidecar: row.sidecar }),
    failure: failureOfRow(row),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}

export function stagedOfRow(row: StagedRow): StagedUpload {
  return {
    fileId: row.file_id,
    elementId: row.element_id,
    sidecar: row.sidecar,
    sidecarDigest: row.sidecar_digest,
    storagePath: row.storage_path,
    storageFilename: row.storage_filename,
    sizeBytes: row.size_bytes,
    fingerprint: row.fingerprint,
  };
}

export function outcomeOfRow(row: FailureRow): FileOutcome {
  const failure = failureOfRow(row);
  return failure === null
    ? { fileId: row.file_id, ok: true }
    : { fileId: row.file_id, ok: false, ...failure };
}

export function failureOfRow(row: Omit<FailureRow, 'file_id'>) {
  if (row.failure_code === null) return null;
  return { code: row.failure_code, detail: row.failure_detail ?? '' };
}

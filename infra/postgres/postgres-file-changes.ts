import type { AccountId, ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type {
  BatchInput,
  BatchPlan,
  ClaimOutcome,
  FileChange,
  FileChanges,
  OpenedDeletion,
} from '#domain/ports/file-changes.ts';
import type { AttributesChange, BatchDeletion, Deletion } from '#domain/ports/file-lifecycle.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { giveUpChange, purgeFile, recordAttributes } from './change-recording.ts';
import { claimFile } from './file-claims.ts';
import type { Database } from './open-pool.ts';

const open = {
  name: 'open-change',
  text: `insert into operations (operation_id, kind, subject_type, subject_id, started_by,
      workflow_id, element_id, input)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (operation_id) do nothing`,
};

const openDeletion = {
  name: 'open-deletion',
  text: `with made as (
      insert into operations (operation_id, kind, subject_type, subject_id, started_by,
        workflow_id, element_id, input)
      values ($1, 'deleteFile', 'file', $2, $3, $4, $5, $6)
      on conflict do nothing
      returning operation_id
    )
    select operation_id from made
    union all
    select operation_id from operations
    where kind = 'deleteFile' and subject_id = $2 and finished_at is null
      and not exists (select from made)`,
};

const findOwn = { text: 'select operation_id from operations where operation_id = $1' };

const find = {
  name: 'find-change',
  text: `select o.operation_id, o.kind, o.started_by, o.created_at as started_at, o.input,
      o.finished_at is null and f.claim_operation_id = o.operation_id as is_claimed,
      f.file_id, f.element_id, e.mode, f.storage_path, f.storage_filename, f.attributes,
      f.sidecar_digest
    from operations o
    join files f on f.file_id = o.subject_id::uuid
    join storage_elements e on e.element_id = f.element_id
    where o.operation_id = $1 and o.kind in ('updateAttributes', 'deleteFile')`,
};

/**
 * A tombstone without its operation is not lifted here: nobody knows how far the deletion came. What
 * a migration held may have been rewritten: its own settlement looks at the sidecar first.
 */
const releaseOrphans = {
  text: `update files f set claimed_by = null, claim_operation_id = null, claimed_at = null
    where f.element_id = $1 and f.claimed_by is not null and f.tombstoned_at is null
      and f.claimed_by not like 'migrate-attributes/%'
      and f.claimed_at < now() - $2::bigint * interval '1 millisecond'
      and not exists (select from operations o
        where o.operation_id = f.claim_operation_id and o.finished_at is null)
    returning f.file_id`,
};

const findPresent = { text: 'select file_id from files where file_id = any($1::uuid[])' };

interface ChangeRow {
  readonly operation_id: OperationId;
  readonly kind: FileChange['kind'];
  readonly started_by: AccountId;
  readonly started_at: Instant;
  readonly input: string | null;
  readonly is_claimed: boolean | null;
  readonly file_id: FileId;
  readonly element_id: ElementId;
  readonly mode: StorageMode;
  readonly storage_path: string;
  readonly storage_filename: string;
  readonly attributes: string;
  readonly sidecar_digest: string;
}

/** What an operation keeps for its workflow. */
export interface ChangeInput {
  readonly expected_digest?: string | null;
  readonly sidecar?: string;
  readonly sidecar_digest?: string;
}

export class PostgresFileChanges implements FileChanges {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async openAttributesChange(change: AttributesChange, workflowId: string): Promise<void> {
    const input: ChangeInput = {
      expected_digest: change.expectedDigest,
      sidecar: change.sidecar,
      sidecar_digest: change.sidecarDigest,
    };
    await this.#database.query(open, [
      change.operationId,
      'updateAttributes',
      'file',
      change.fileId,
      change.startedBy,
      workflowId,
      change.elementId,
      JSON.stringify(input),
    ]);
  }

  async openDeletion(deletion: Deletion, workflowId: string): Promise<OpenedDeletion> {
    const input: ChangeInput = { expected_digest: deletion.expectedDigest };
    for (;;) {
      const [row] = await this.#database.query<{ operation_id: OperationId }>(openDeletion, [
        deletion.operationId,
        deletion.fileId,
        deletion.startedBy,
        workflowId,
        deletion.elementId,
        JSON.stringify(input),
      ]);
      if (row !== undefined) {
        const { operation_id: operationId } = row;
        return { operationId, isNew: operationId === deletion.operationId };
      }
      // A repetition whose deletion has ended already, or somebody else's that is not seen yet.
      const own = await this.#database.query(findOwn, [deletion.operationId]);
      if (own.length > 0) return { operationId: deletion.operationId, isNew: true };
    }
  }

  async openBatchDeletion(batch: BatchDeletion, plan: BatchPlan): Promise<void> {
    const { startedBy, onlyCreatedBy, graceMs } = batch;
    const input: BatchInput = { items: plan.items, startedBy, onlyCreatedBy, graceMs };
    await this.#database.query(open, [
      batch.operationId,
      'batchDelete',
      'batch',
      batch.operationId,
      batch.startedBy,
      plan.workflowId,
      null,
      JSON.stringify(input),
    ]);
  }

  async findChange(operationId: OperationId): Promise<FileChange | null> {
    const [row] = await this.#database.query<ChangeRow>(find, [operationId]);
    return row === undefined ? null : changeOfRow(row);
  }

  async claimFile(operationId: OperationId, expectedDigest: string): Promise<ClaimOutcome> {
    return await claimFile(this.#database, operationId, expectedDigest);
  }

  async recordAttributes(operationId: OperationId): Promise<boolean> {
    return await recordAttributes(this.#database, operationId);
  }

  async giveUpChange(
    operationId: OperationId,
    state: 'failed' | 'cancelled',
    failure: UploadFailure,
  ): Promise<void> {
    await giveUpChange(this.#database, { operationId, state, failure });
  }

  async purgeFile(operationId: OperationId, checksum: string): Promise<boolean> {
    return await purgeFile(this.#database, operationId, checksum);
  }

  async releaseOrphanedClaims(elementId: ElementId, idleMs: number): Promise<number> {
    const rows = await this.#database.query(releaseOrphans, [elementId, idleMs]);
    return rows.length;
  }

  async findPresent(fileIds: readonly FileId[]): Promise<ReadonlySet<FileId>> {
    const rows = await this.#database.query<{ file_id: FileId }>(findPresent, [fileIds]);
    return new Set(rows.map((row) => row.file_id));
  }
}

function changeOfRow(row: ChangeRow): FileChange {
  const input = row.input === null ? {} : (JSON.parse(row.input) as ChangeInput);
  const { sidecar: text, sidecar_digest: digest } = input;
  return {
    operationId: row.operation_id,
    kind: row.kind,
    startedBy: row.started_by,
    startedAt: row.started_at,
    expectedDigest: input.expected_digest ?? null,
    newSidecar: text === undefined || digest === undefined ? null : { text, digest },
    isClaimed: row.is_claimed === true,
    fileId: row.file_id,
    elementId: row.element_id,
    elementMode: row.mode,
    storagePath: row.storage_path,
    storageFilename: row.storage_filename,
    attributes: row.attributes,
    sidecarDigest: row.sidecar_digest,
  };
}

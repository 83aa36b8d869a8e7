import type { ErrorCode } from '#domain/errors.ts';
import { operationOfUpload } from '#domain/ids.ts';
import type { AccountId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { Operation, OperationState } from '#domain/operations.ts';
import type { OperationRegistry } from '#domain/ports/operation-registry.ts';
import type { UploadState } from '#domain/uploads.ts';
import type { Database } from './open-pool.ts';
import { failureOfRow, uploadColumns, uploadOfRow } from './upload-rows.ts';
import type { UploadRow } from './upload-rows.ts';

interface OperationRow {
  readonly operation_id: OperationId;
  readonly kind: string;
  readonly state: OperationState;
  readonly progress: string | null;
  readonly failure_code: ErrorCode | null;
  readonly failure_detail: string | null;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly started_by: AccountId;
  readonly workflow_id: string | null;
  readonly created_at: Instant;
  readonly updated_at: Instant;
  readonly finished_at: Instant | null;
}

const findUpload = {
  name: 'find-upload',
  text: `select ${uploadColumns} from uploads u where u.file_id = $1`,
};

const findById = { text: 'select * from operations where operation_id = $1' };

const operationStates: Record<UploadState, OperationState> = {
  receiving: 'pending',
  staged: 'pending',
  committing: 'running',
  stored: 'completed',
  failed: 'failed',
};

export class PostgresOperationRegistry implements OperationRegistry {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async findOperation(operationId: OperationId): Promise<Operation | null> {
    const [upload] = await this.#database.query<UploadRow>(findUpload, [operationId]);
    if (upload !== undefined) return operationOfUploadRow(upload);
    const [row] = await this.#database.query<OperationRow>(findById, [operationId]);
    return row === undefined ? null : operationOfRow(row);
  }
}

function operationOfUploadRow(row: UploadRow): Operation {
  const upload = uploadOfRow(row);
  return {
    operationId: operationOfUpload(upload.fileId),
    kind: 'storeFiles',
    state: operationStates[upload.state],
    progress: null,
    error: upload.failure,
    subject: { type: 'file', id: upload.fileId },
    startedBy: upload.accountId,
    workflowId: upload.groupId === null ? null : `store-files/${upload.groupId}`,
    createdAt: upload.createdAt,
    updatedAt: upload.updatedAt,
    finishedAt: upload.finishedAt,
  };
}

function operationOfRow(row: OperationRow): Operation {
  return {
    operationId: row.operation_id,
    kind: row.kind,
    state: row.state,
    progress:
      row.progress === null
        ? null
        : (JSON.parse(row.progress) as NonNullable<Operation['progress']>),
    error: failureOfRow(row),
    subject: { type: row.subject_type, id: row.subject_id },
    startedBy: row.started_by,
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}

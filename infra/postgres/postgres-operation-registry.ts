import type { ErrorCode } from '#domain/errors.ts';
import { operationOfUpload } from '#domain/ids.ts';
import type { AccountId, OperationId } from '#domain/ids.ts';
import { compareInstants, type Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Operation, OperationState } from '#domain/operations.ts';
import type {
  OperationListQuery,
  OperationPage,
  OperationRegistry,
} from '#domain/ports/operation-registry.ts';
import type { Database } from './open-pool.ts';
import {
  buildOperationList,
  buildUploadList,
  operationStates,
  uploadKind,
  type ListStatement,
} from './operation-list-query.ts';
import { failureOfRow, uploadColumns, uploadOfRow } from './upload-rows.ts';
import type { UploadRow } from './upload-rows.ts';

interface OperationRow {
  readonly operation_id: OperationId;
  readonly kind: string;
  readonly state: OperationState;
  readonly progress: string | null;
  readonly result: string | null;
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

  async listOperations(query: OperationListQuery): Promise<OperationPage> {
    const [operations, uploads] = await Promise.all([
      this.#list<OperationRow>(buildOperationList(query)),
      this.#list<UploadRow>(buildUploadList(query, uploadColumns)),
    ]);
    const merged = [...operations.map(operationOfRow), ...uploads.map(operationOfUploadRow)].sort(
      newestFirst,
    );
    const shown = merged.slice(0, query.limit);
    const last = merged.length > query.limit ? shown.at(-1) : undefined;
    const next =
      last === undefined ? null : { createdAt: last.createdAt, operationId: last.operationId };
    return { operations: shown, next };
  }

  async #list<Row extends object>(statement: ListStatement | null): Promise<readonly Row[]> {
    if (statement === null) return [];
    return await this.#database.query<Row>({ text: statement.text }, statement.values);
  }
}

/** As PostgreSQL orders the pages: by the instant, then by the id. */
function newestFirst(a: Operation, b: Operation): number {
  const byInstant = compareInstants(b.createdAt, a.createdAt);
  if (byInstant !== 0) return byInstant;
  return a.operationId < b.operationId ? 1 : -1;
}

function operationOfUploadRow(row: UploadRow): Operation {
  const upload = uploadOfRow(row);
  return {
    operationId: operationOfUpload(upload.fileId),
    kind: uploadKind,
    state: operationStates[upload.state],
    progress: null,
    result: null,
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
    result: row.result === null ? null : (JSON.parse(row.result) as JsonObject),
    error: failureOfRow(row),
    subject: { type: row.subject_type, id: row.subject_id },
    startedBy: row.started_by,
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}

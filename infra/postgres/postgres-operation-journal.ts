import type { ErrorCode } from '#domain/errors.ts';
import type { ElementId, OperationId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { OperationState } from '#domain/operations.ts';
import type {
  NewOperation,
  OperationJournal,
  OperationStanding,
  UnfinishedOperation,
} from '#domain/ports/operation-journal.ts';
import type { Database } from './open-pool.ts';
import { failureOfRow } from './upload-rows.ts';

const open = {
  name: 'open-operation',
  text: `insert into operations (operation_id, kind, subject_type, subject_id, started_by,
      workflow_id, element_id, input)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (operation_id) do nothing`,
};

const begin = {
  text: `update operations set state = 'running', updated_at = now()
    where operation_id = $1 and state in ('pending', 'running') returning input`,
};

const progress = {
  text: `update operations set progress = $2, result = coalesce($3, result), updated_at = now()
    where operation_id = $1 and finished_at is null`,
};

/** What was only for the workflow goes with its end. */
const finish = {
  name: 'finish-operation',
  text: `update operations
    set state = $3, result = coalesce($4, result), failure_code = $5, failure_detail = $6,
      input = null, updated_at = now(), finished_at = now()
    where operation_id = $1 and state = any($2::text[]) returning operation_id`,
};

const findStandings = {
  name: 'find-operation-standings',
  text: `select operation_id, state, failure_code, failure_detail, finished_at is not null as ended
    from operations where operation_id = any($1::uuid[])`,
};

/** Any of them: those that only wait, however many and however old, must not hide the others. */
const findIdle = {
  text: `select operation_id, kind, workflow_id from operations
    where finished_at is null and workflow_id is not null
      and updated_at < now() - $2::bigint * interval '1 millisecond'
      and (element_id = $1 or element_id is null)
    order by random() limit $3`,
};

interface StandingRow {
  readonly operation_id: OperationId;
  readonly state: OperationState;
  readonly failure_code: ErrorCode | null;
  readonly failure_detail: string | null;
  readonly ended: boolean;
}

export class PostgresOperationJournal implements OperationJournal {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async openOperation(operation: NewOperation): Promise<void> {
    const { subject, input } = operation;
    await this.#database.query(open, [
      operation.operationId,
      operation.kind,
      subject.type,
      subject.id,
      operation.startedBy,
      operation.workflowId,
      operation.elementId,
      input === null ? null : JSON.stringify(input),
    ]);
  }

  async beginOperation(
    operationId: OperationId,
  ): Promise<{ readonly input: JsonObject | null } | null> {
    const [row] = await this.#database.query<{ input: string | null }>(begin, [operationId]);
    if (row === undefined) return null;
    return { input: row.input === null ? null : (JSON.parse(row.input) as JsonObject) };
  }

  async recordProgress(...record: Parameters<OperationJournal['recordProgress']>): Promise<void> {
    const [operationId, counts, result] = record;
    await this.#database.query(progress, [
      operationId,
      JSON.stringify(counts),
      result === undefined ? null : JSON.stringify(result),
    ]);
  }

  async finishOperation(
    ...ending: Parameters<OperationJournal['finishOperation']>
  ): Promise<boolean> {
    const [operationId, from, { state, result, ...rest }] = ending;
    const failure = 'failure' in rest ? rest.failure : null;
    const rows = await this.#database.query(finish, [
      operationId,
      from,
      state,
      result === undefined ? null : JSON.stringify(result),
      failure?.code ?? null,
      failure?.detail ?? null,
    ]);
    return rows.length > 0;
  }

  async findStandings(operationIds: readonly OperationId[]): Promise<readonly OperationStanding[]> {
    const rows = await this.#database.query<StandingRow>(findStandings, [operationIds]);
    return rows.map((row) => ({
      operationId: row.operation_id,
      state: row.state,
      error: failureOfRow(row),
      isFinished: row.ended,
    }));
  }

  async findIdleOperations(
    elementId: ElementId,
    idleMs: number,
  ): Promise<readonly UnfinishedOperation[]> {
    const rows = await this.#database.query<{
      operation_id: OperationId;
      kind: string;
      workflow_id: string;
    }>(findIdle, [elementId, idleMs, limits.sweepBatch]);
    return rows.map((row) => ({
      operationId: row.operation_id,
      kind: row.kind,
      workflowId: row.workflow_id,
    }));
  }
}

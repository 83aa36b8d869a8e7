import { createHash } from 'node:crypto';
import type { ErrorCode } from '#domain/errors.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type {
  FailurePage,
  OperationFailure,
  OperationFailures,
} from '#domain/ports/operation-failures.ts';
import { columnOfText } from './column-types.ts';
import type { Database } from './open-pool.ts';

/** What stands in an index, or goes into a cursor, cannot be as long as a path may be. */
const keyBytes = 1024;
const pathChars = 16_384;
const detailChars = 4000;

const record = {
  name: 'record-operation-failures',
  text: `insert into operation_failures (operation_id, failure_key, file_id, element_id, path, code,
      detail)
    select $1, f.* from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[],
      $7::text[]) as f (failure_key, file_id, element_id, path, code, detail)
    on conflict (operation_id, failure_key) do update set file_id = excluded.file_id,
      element_id = excluded.element_id, path = excluded.path, code = excluded.code,
      detail = excluded.detail, recorded_at = excluded.recorded_at`,
};

const remove = {
  name: 'remove-operation-failures',
  text: `delete from operation_failures where operation_id = $1 and failure_key = any($2::text[])`,
};

const count = {
  name: 'count-operation-failures',
  text: `select count(*)::integer as count from operation_failures where operation_id = $1`,
};

const list = {
  name: 'list-operation-failures',
  text: `select failure_key, file_id, element_id, path, code, detail from operation_failures
    where operation_id = $1 and failure_key > $2 order by failure_key limit $3`,
};

interface FailureRow {
  readonly failure_key: string;
  readonly file_id: FileId | null;
  readonly element_id: ElementId | null;
  readonly path: string | null;
  readonly code: ErrorCode;
  readonly detail: string;
}

export class PostgresOperationFailures implements OperationFailures {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async recordFailures(
    operationId: OperationId,
    failures: readonly OperationFailure[],
  ): Promise<void> {
    // One statement must not touch a row twice: the last word counts.
    const byKey = new Map(failures.map((failure) => [keyOf(failure.key), failure]));
    const rows = [...byKey.values()];
    if (rows.length === 0) return;
    await this.#database.query(record, [
      operationId,
      [...byKey.keys()],
      rows.map(({ fileId }) => fileId),
      rows.map(({ elementId }) => elementId),
      rows.map(({ path }) => (path === null ? null : columnOfText(path, pathChars))),
      rows.map(({ code }) => code),
      rows.map(({ detail }) => columnOfText(detail, detailChars)),
    ]);
  }

  async removeFailures(operationId: OperationId, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#database.query(remove, [operationId, keys.map(keyOf)]);
  }

  async countFailures(operationId: OperationId): Promise<number> {
    const [row] = await this.#database.query<{ count: number }>(count, [operationId]);
    return row?.count ?? 0;
  }

  async listFailures(
    operationId: OperationId,
    { limit, after }: { readonly limit: number; readonly after: string | null },
  ): Promise<FailurePage> {
    const rows = await this.#database.query<FailureRow>(list, [
      operationId,
      after ?? '',
      limit + 1,
    ]);
    const failures = rows.slice(0, limit).map((row) => ({
      key: row.failure_key,
      fileId: row.file_id,
      elementId: row.element_id,
      path: row.path,
      code: row.code,
      detail: row.detail,
    }));
    return { failures, next: rows.length > limit ? (failures.at(-1)?.key ?? null) : null };
  }
}

/** A long one keeps its beginning, for the order, and a digest of the whole, to stay unique. */
function keyOf(key: string): string {
  const text = columnOfText(key, key.length);
  const bytes = Buffer.from(text);
  if (bytes.length <= keyBytes) return text;
  const digest = createHash('sha256').update(bytes).digest('hex');
  // Cut within a character it ends in a sign of replacement, which is no longer than what it was.
  const start = bytes.subarray(0, keyBytes - digest.length - 4).toString();
  return `${start}#${digest}`;
}

import type { FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type {
  CatalogueFile,
  FileCatalogue,
  FileListQuery,
  FilePage,
} from '#domain/ports/file-catalogue.ts';
import { buildListStatements, fileColumns, isVisible } from './file-list-query.ts';
import { fileOfRow, type FileRow } from './file-rows.ts';
import type { Database } from './open-pool.ts';

const findById = {
  name: 'find-file',
  text: `select ${fileColumns} from files f join storage_elements e on e.element_id = f.element_id
    where f.file_id = $1 and ${isVisible}`,
};

/** The rest of a deletion that has ended, or the tombstone of one that is under way. */
const findDeletion = {
  name: 'find-deletion',
  text: `select deleted_at from tombstones where file_id = $1
    union all select tombstoned_at from files where file_id = $1 and tombstoned_at is not null
    limit 1`,
};

const changeState = {
  text: `with changed as (
      update files f set state = $3 where f.file_id = $1 and f.state = $2 and ${isVisible}
      returning f.file_id, f.element_id
    )
    insert into outbox (type, subject_type, subject_id, file_ids, data)
    select 'file.state_changed', 'file', file_id::text, array[file_id], json_build_object(
      'element_id', element_id, 'from', $2::text, 'to', $3::text, 'reason', $4::text)
    from changed
    returning sequence`,
};

export class PostgresFileCatalogue implements FileCatalogue {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async findFile(fileId: FileId): Promise<CatalogueFile | null> {
    const [row] = await this.#database.query<FileRow>(findById, [fileId]);
    return row === undefined ? null : fileOfRow(row);
  }

  async findDeletedAt(fileId: FileId): Promise<Instant | null> {
    const rows = await this.#database.query<{ deleted_at: Instant }>(findDeletion, [fileId]);
    return rows[0]?.deleted_at ?? null;
  }

  async listFiles(query: FileListQuery): Promise<FilePage> {
    const statements = buildListStatements(query);
    if (statements === null) return { files: [], next: null, total: query.includeTotal ? 0 : null };
    const { page, pageValues, count, countValues } = statements;
    const [rows, [counted]] = await Promise.all([
      this.#database.query<FileRow & { position: string | number }>(page, pageValues),
      query.includeTotal ? this.#database.query<{ total: number }>(count, countValues) : [],
    ]);
    const shown = rows.slice(0, query.limit);
    const last = rows.length > query.limit ? shown.at(-1) : undefined;
    return {
      files: shown.map(fileOfRow),
      next: last === undefined ? null : { value: String(last.position), fileId: last.file_id },
      total: counted?.total ?? null,
    };
  }

  async changeState(...change: Parameters<FileCatalogue['changeState']>): Promise<boolean> {
    const [fileId, from, to, reason] = change;
    const rows = await this.#database.query(changeState, [fileId, from, to, reason]);
    return rows.length > 0;
  }
}

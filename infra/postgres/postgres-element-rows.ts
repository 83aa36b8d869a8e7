import type { ElementId, FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { ElementRow, ElementRows, LocationRecord } from '#domain/ports/element-rows.ts';
import type { FileState } from '#domain/ports/file-catalogue.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { isVisible } from './file-list-query.ts';
import { addMissingRows } from './missing-rows.ts';
import type { Database } from './open-pool.ts';

/** `xmin` is the transaction that wrote this version of the row. */
const columns = `f.file_id, f.storage_path, f.storage_filename, f.file_size, f.sidecar_digest,
  f.state, f.xmin::text as version, f.claimed_by is not null or not (${isVisible}) as is_held`;

const list = {
  name: 'list-element-rows',
  text: `select ${columns} from files f
    where f.element_id = $1 and (f.storage_path, f.storage_filename) > ($2, $3)
    order by f.storage_path, f.storage_filename limit $4`,
};

const count = {
  name: 'count-element-rows',
  text: `select count(*)::integer as count
    from (select from files f where f.element_id = $1 limit $2) as counted`,
};

/** Those that have not ended are few: more are not let in at once. */
const findRecords = {
  name: 'find-location-records',
  text: `with under_way as materialized (
      select distinct u.storage_path, u.storage_filename from uploads u
      where u.element_id = $1 and u.finished_at is null and u.storage_path is not null
    )
    select found.*, w.storage_path is not null as is_in_flight
    from unnest($2::text[], $3::text[]) with ordinality
      as g (storage_path, storage_filename, ordinal)
    left join lateral (
      select ${columns} from files f
      where f.element_id = $1 and f.storage_path = g.storage_path
        and f.storage_filename = g.storage_filename
      limit 1
    ) as found on true
    left join under_way w
      on w.storage_path = g.storage_path and w.storage_filename = g.storage_filename
    order by g.ordinal`,
};

interface Row {
  readonly file_id: FileId;
  readonly storage_path: string;
  readonly storage_filename: string;
  readonly file_size: number;
  readonly sidecar_digest: string;
  readonly state: FileState;
  readonly version: string;
  readonly is_held: boolean;
}

type RecordRow = { readonly is_in_flight: boolean } & (
  | Row
  | { readonly [Column in keyof Row]: null }
);

export class PostgresElementRows implements ElementRows {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async listRows(
    elementId: ElementId,
    { after, limit }: { readonly after: StorageLocation | null; readonly limit: number },
  ): Promise<readonly ElementRow[]> {
    const rows = await this.#database.query<Row>(list, [
      elementId,
      after?.storagePath ?? '',
      after?.storageFilename ?? '',
      limit,
    ]);
    return rows.map(elementRowOf);
  }

  async countRows(elementId: ElementId): Promise<number> {
    const values = [elementId, limits.countedRows];
    const [row] = await this.#database.query<{ count: number }>(count, values);
    return row?.count ?? 0;
  }

  async findRecords(
    elementId: ElementId,
    locations: readonly StorageLocation[],
  ): Promise<readonly LocationRecord[]> {
    const rows = await this.#database.query<RecordRow>(findRecords, [
      elementId,
      locations.map(({ storagePath }) => storagePath),
      locations.map(({ storageFilename }) => storageFilename),
    ]);
    return rows.map((row) => ({
      row: row.file_id === null ? null : elementRowOf(row),
      isInFlight: row.is_in_flight,
    }));
  }

  addRows(
    ...[operationId, elementId, rows]: Parameters<ElementRows['addRows']>
  ): Promise<ReadonlySet<FileId>> {
    return addMissingRows(this.#database, { operationId, elementId, rows });
  }
}

function elementRowOf(row: Row): ElementRow {
  return {
    fileId: row.file_id,
    storagePath: row.storage_path,
    storageFilename: row.storage_filename,
    sizeBytes: row.file_size,
    sidecarDigest: row.sidecar_digest,
    state: row.state,
    isHeld: row.is_held,
    version: row.version,
  };
}

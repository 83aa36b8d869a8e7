import { createHash } from 'node:crypto';
import { DomainError } from '#domain/errors.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { CatalogueRebuild, FoundStanding } from '#domain/ports/catalogue-rebuild.ts';
import type { Hold } from '#domain/rebuild/choose-file.ts';
import type { RebuildRun } from '#domain/rebuild/rebuild-run.ts';
import { progressOfRun } from '#domain/rebuild/rebuild-run.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import { isVisible } from './file-list-query.ts';
import type { Database } from './open-pool.ts';
import { recordRebuildBatch } from './rebuild-recording.ts';

/** Rows that one statement of the listing's digest looks at. */
const digestPageRows = 5_000;
const firstId = '00000000-0000-0000-0000-000000000000' as FileId;

/**
 * In pages of the whole catalogue, whosever the rows are: so each statement costs the same, and
 * no upload pays for an index that only this would use.
 */
const readListing = {
  name: 'read-listing',
  text: `select f.file_id, f.element_id = $1 and ${isVisible} as is_own,
      case when f.element_id = $1 then f.storage_path || f.storage_filename end as path,
      case when f.element_id = $1 then f.sidecar_digest end as sidecar_digest
    from files f where f.file_id >= $2 order by f.file_id limit $3`,
};

const findMode = {
  name: 'find-element-mode',
  text: `select mode from storage_elements where element_id = $1`,
};

const findRun = {
  name: 'find-rebuild-run',
  text: `select input from operations where operation_id = $1 and finished_at is null`,
};

const beginRun = {
  name: 'begin-rebuild-run',
  text: `update operations set input = $2, progress = $3, updated_at = now()
    where operation_id = $1 and finished_at is null and input is null`,
};

/** A deletion that has ended leaves a tombstone, one that is under way stands in the row. */
const findStandings = {
  name: 'find-rebuild-standings',
  text: `select g.file_id, f.element_id, f.storage_path, f.storage_filename, f.revision,
      f.sidecar_digest,
      case when f.element_id <> $1 or f.storage_path <> g.storage_path
        or f.storage_filename <> g.storage_filename then f.attributes end as attributes,
      case when t.file_id is not null or not (${isVisible}) then 'tombstone'
        when u.file_id is not null then 'upload'
        when f.claimed_by is not null then 'claim' end as hold
    from unnest($2::uuid[], $3::text[], $4::text[])
      as g (file_id, storage_path, storage_filename)
    left join files f on f.file_id = g.file_id
    left join tombstones t on t.file_id = g.file_id
    -- By the state: a plan for few unfinished uploads would read all of them for each file.
    left join uploads u on u.file_id = g.file_id and u.state not in ('stored', 'failed')
    where f.file_id is not null or t.file_id is not null or u.file_id is not null`,
};

interface ListingRow {
  readonly file_id: FileId;
  readonly is_own: boolean;
  readonly path: string | null;
  readonly sidecar_digest: string | null;
}

interface StandingRow {
  readonly file_id: FileId;
  readonly element_id: ElementId | null;
  readonly storage_path: string | null;
  readonly storage_filename: string | null;
  readonly revision: number | null;
  readonly sidecar_digest: string | null;
  readonly attributes: string | null;
  readonly hold: Hold | null;
}

export class PostgresCatalogueRebuild implements CatalogueRebuild {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async digestListing(elementId: ElementId, signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    let from = firstId;
    let seen: FileId | null = null;
    for (;;) {
      signal.throwIfAborted();
      const rows = await this.#database.query<ListingRow>(readListing, [
        elementId,
        from,
        digestPageRows,
      ]);
      for (const row of rows) {
        if (!row.is_own || row.file_id === seen) continue;
        hash.update(`${row.file_id}\t${elementId}\t${row.path}\t${row.sidecar_digest}\n`);
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < digestPageRows) break;
      from = seen = last.file_id;
    }
    return hash.digest('hex');
  }

  async findMode(elementId: ElementId): Promise<StorageMode> {
    const [row] = await this.#database.query<{ mode: StorageMode }>(findMode, [elementId]);
    if (row !== undefined) return row.mode;
    throw new DomainError('ELEMENT_NOT_FOUND', 'There is no storage element with this id.');
  }

  async findRun(operationId: OperationId): Promise<RebuildRun | null> {
    const [row] = await this.#database.query<{ input: string | null }>(findRun, [operationId]);
    const input = row?.input ?? null;
    return input === null ? null : (JSON.parse(input) as RebuildRun);
  }

  async beginRun(operationId: OperationId, run: RebuildRun): Promise<void> {
    await this.#database.query(beginRun, [
      operationId,
      JSON.stringify(run),
      JSON.stringify(progressOfRun(run)),
    ]);
  }

  async findStandings(
    ...[elementId, found]: Parameters<CatalogueRebuild['findStandings']>
  ): Promise<readonly FoundStanding[]> {
    const rows = await this.#database.query<StandingRow>(findStandings, [
      elementId,
      found.map(({ fileId }) => fileId),
      found.map(({ storagePath }) => storagePath),
      found.map(({ storageFilename }) => storageFilename),
    ]);
    return rows.map(standingOfRow);
  }

  applyBatch(
    ...[batch]: Parameters<CatalogueRebuild['applyBatch']>
  ): ReturnType<CatalogueRebuild['applyBatch']> {
    return recordRebuildBatch(this.#database, batch);
  }
}

function standingOfRow(row: StandingRow): FoundStanding {
  const { element_id: elementId, storage_path: storagePath } = row;
  const { storage_filename: storageFilename, sidecar_digest: sidecarDigest } = row;
  const { file_id: fileId, hold, revision, attributes } = row;
  const hasRow =
    elementId !== null &&
    storagePath !== null &&
    storageFilename !== null &&
    sidecarDigest !== null &&
    revision !== null;
  return {
    fileId,
    hold,
    row: hasRow
      ? { fileId, elementId, storagePath, storageFilename, sidecarDigest, revision, attributes }
      : null,
  };
}

import type { RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

export type FileState =
  | 'stored'
  | 'deleting'
  | 'restoring'
  | 'archived'
  | 'suspect'
  | 'corrupt'
  | 'missing';

/** A row of the catalogue: an index entry, never the truth. */
export interface CatalogueFile {
  readonly fileId: FileId;
  readonly elementId: ElementId;
  readonly elementMode: StorageMode;
  readonly storagePath: string;
  readonly storageFilename: string;
  /** The attributes in their newest form, as JSON text with every digit. */
  readonly attributes: string;
  /** SHA-256 of the sidecar's bytes as they stand on the element. */
  readonly sidecarDigest: string;
  readonly state: FileState;
  readonly verifiedAt: Instant | null;
}

export type FileSort = 'created_at' | 'updated_at' | 'file_size' | 'original_filename';

export interface FileFilters {
  /** Part of the original name, in either case; no character has a special meaning. */
  readonly filename?: string;
  readonly contentType?: string;
  readonly tag?: string;
  readonly username?: string;
  readonly elementId?: ElementId;
  readonly state?: FileState;
  readonly retentionPolicy?: RetentionPolicy;
  /** Both ends belong to the range, to the microsecond. */
  readonly createdFrom?: Instant;
  readonly createdTo?: Instant;
}

/** Position after an item: its sort value as text, and its id. */
export interface FilePosition {
  readonly value: string;
  readonly fileId: FileId;
}

export interface FileListQuery {
  readonly filters: FileFilters;
  readonly sort: FileSort;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly after: FilePosition | null;
  readonly includeTotal: boolean;
}

export interface FilePage {
  readonly files: readonly CatalogueFile[];
  /** Null on the last page. */
  readonly next: FilePosition | null;
  readonly total: number | null;
}

/** All methods throw `CATALOGUE_UNAVAILABLE` when the database does not answer. */
export interface FileCatalogue {
  /** Null also for a file that is being deleted. */
  findFile(fileId: FileId): Promise<CatalogueFile | null>;
  /** When a file was deleted, or its deletion began; null for files that are there or never were. */
  findDeletedAt(fileId: FileId): Promise<Instant | null>;
  /**
   * Keyset paging: stable under insert and delete, the same cost on every page.
   * @throws CURSOR_INVALID when `after` does not fit the sort
   */
  listFiles(query: FileListQuery): Promise<FilePage>;
  /**
   * Compare-and-set of the state after a read found damage, with an event in the outbox in the
   * same transaction. @returns false when the state was no longer `from`.
   */
  changeState(fileId: FileId, from: FileState, to: FileState, reason: string): Promise<boolean>;
}

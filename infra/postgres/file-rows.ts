import type { ElementId, FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { CatalogueFile, FileState } from '#domain/ports/file-catalogue.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

/** What `fileColumns` selects. */
export interface FileRow {
  readonly file_id: FileId;
  readonly element_id: ElementId;
  readonly element_mode: StorageMode;
  readonly storage_path: string;
  readonly storage_filename: string;
  readonly attributes: string;
  readonly sidecar_digest: string;
  readonly state: FileState;
  readonly verified_at: Instant | null;
}

export function fileOfRow(row: FileRow): CatalogueFile {
  return {
    fileId: row.file_id,
    elementId: row.element_id,
    elementMode: row.element_mode,
    storagePath: row.storage_path,
    storageFilename: row.storage_filename,
    attributes: row.attributes,
    sidecarDigest: row.sidecar_digest,
    state: row.state,
    verifiedAt: row.verified_at,
  };
}

import type { FileId } from '#domain/ids.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';

/**
 * Metadata of single files, in front of the catalogue. Never a source of truth: every method
 * resolves within `limits.cacheTimeoutMs` whatever Redis does, and none throws.
 */
export interface FileCache {
  readFile(fileId: FileId): Promise<CatalogueFile | null>;
  /** Puts what was read from the catalogue, unless a change came in between. */
  writeFile(file: CatalogueFile): Promise<void>;
  /**
   * Before a change is answered, and again by the follower: afterwards no reader gets the old
   * value, and a slow one cannot put it back.
   */
  invalidateFiles(fileIds: readonly FileId[]): Promise<void>;
}

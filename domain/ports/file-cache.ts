import type { FileId } from '#domain/ids.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';

/** When the cache was asked: what is then read from the catalogue is not older than this. */
export interface CacheTicket {
  readonly epoch: string;
  /** Microseconds of the cache's own clock. */
  readonly issuedAtUs: number;
}

export interface CacheAnswer {
  readonly file: CatalogueFile | null;
  /** Null where nothing can be put at the moment. */
  readonly ticket: CacheTicket | null;
}

export interface CachedFile {
  readonly file: CatalogueFile;
  /** Of its attributes: a lower one never takes the place of a higher one. */
  readonly revision: number;
  /** From the read that did not find the file. */
  readonly ticket: CacheTicket;
}

/**
 * Metadata of single files, in front of the catalogue. Never a source of truth: every method
 * resolves within `limits.cacheTimeoutMs` whatever Redis does, and none throws.
 */
export interface FileCache {
  readFile(fileId: FileId): Promise<CacheAnswer>;
  /** Puts what was read from the catalogue after the ticket, unless a change came in between. */
  writeFile(cached: CachedFile): Promise<void>;
  /**
   * Before a change is answered, and again by the follower: afterwards no reader gets the old
   * value, and a slow one cannot put it back.
   * @returns false when that is not certain: all that is cached is given up before it is used
   *   again here, and the follower repeats it.
   */
  invalidateFiles(fileIds: readonly FileId[]): Promise<boolean>;
}

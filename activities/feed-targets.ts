import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import { isDomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { FileSearch, SearchDocument, SearchIndex } from '#domain/ports/file-search.ts';
import { toSearchDocument } from '#domain/search/search-document.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';

/** Where a consumer of the feed takes what changed. */
export interface FeedTarget {
  /** Before the first files, and again after the target did not answer. */
  prepare(): Promise<void>;
  /**
   * Takes these files over as they are now, whatever happened to them: safe to repeat, and
   * repeated later it knows more.
   * @throws TargetUnavailableError, or a DomainError of kind `unavailable`: try again later.
   */
  applyFiles(fileIds: readonly FileId[]): Promise<void>;
}

export interface SearchTargetPorts {
  readonly search: Pick<FileSearch, 'findFiles'>;
  readonly index: Pick<SearchIndex, 'ensureIndex' | 'upsertDocuments' | 'deleteDocuments'>;
  readonly codec: Pick<AttributesCodec, 'parseAttributes'>;
  /** Told of a file that is left out of the index because its attributes cannot be read. */
  readonly onUnreadable: (fileId: FileId, error: unknown) => void;
}

/** The index gets what stands in the catalogue; what is not there (any more) leaves it. */
export function createSearchTarget(ports: SearchTargetPorts): FeedTarget {
  const { search, index } = ports;
  return {
    prepare: () => index.ensureIndex(),
    async applyFiles(fileIds) {
      const files = await search.findFiles(fileIds, {});
      const documents = files.flatMap((file) => documentOf(ports, file));
      const indexed = new Set(documents.map((document) => document.file_id));
      const gone = fileIds.filter((fileId) => !indexed.has(fileId));
      if (documents.length > 0) await index.upsertDocuments(documents);
      if (gone.length > 0) await index.deleteDocuments(gone);
    },
  };
}

/** One file that cannot be read must not keep all that come after it from being found. */
export function documentOf(
  ports: Pick<SearchTargetPorts, 'codec' | 'onUnreadable'>,
  file: CatalogueFile,
): readonly SearchDocument[] {
  try {
    const attributes = ports.codec.parseAttributes(file.attributes);
    return [toSearchDocument(file, attributes, String(extensionsOf(attributes).revision ?? 1))];
  } catch (error) {
    if (!isDomainError(error)) throw error;
    ports.onUnreadable(file.fileId, error);
    return [];
  }
}

/** @param cache null: there is none, and so nothing to be told. */
export function createCacheTarget(cache: Pick<FileCache, 'invalidateFiles'> | null): FeedTarget {
  return {
    prepare: () => Promise.resolve(),
    async applyFiles(fileIds) {
      if (cache === null || (await cache.invalidateFiles(fileIds))) return;
      throw new TargetUnavailableError('the cache does not answer');
    },
  };
}

/** Waiting for it is no failure. */
export class TargetUnavailableError extends Error {
  override readonly name = 'TargetUnavailableError';
}

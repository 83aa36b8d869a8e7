import type { RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonValue } from '#domain/json.ts';
import type { CatalogueFile, FileState } from '#domain/ports/file-catalogue.ts';

export type SearchMode = 'fulltext' | 'exact' | 'partial';
export type SearchSort =
  | 'relevance'
  | 'created_at'
  | 'updated_at'
  | 'file_size'
  | 'original_filename';

/** One condition on one top-level key of `custom_attributes`. */
export type AttributeCondition =
  | { readonly operator: 'eq'; readonly value: JsonValue }
  | { readonly operator: 'in'; readonly values: readonly JsonValue[] }
  | { readonly operator: 'gt' | 'gte' | 'lt' | 'lte'; readonly value: number | string }
  | { readonly operator: 'exists'; readonly value: boolean };

export interface SearchFilters {
  readonly filename?: string;
  readonly extension?: string;
  readonly contentType?: string;
  /** All of them. */
  readonly tags?: readonly string[];
  readonly username?: string;
  readonly sizeMinBytes?: number;
  readonly sizeMaxBytes?: number;
  readonly createdFrom?: Instant;
  readonly createdTo?: Instant;
  readonly elementId?: ElementId;
  readonly retentionPolicy?: RetentionPolicy;
  readonly state?: FileState;
  readonly customAttributes?: ReadonlyMap<string, readonly AttributeCondition[]>;
}

/** Position after a hit: its sort value as text, and its id. */
export interface SearchPosition {
  readonly value: string;
  readonly fileId: FileId;
}

export interface SearchQuery {
  readonly text: string | null;
  readonly mode: SearchMode;
  readonly filters: SearchFilters;
  readonly sort: SearchSort;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly after: SearchPosition | null;
  readonly withHighlight: boolean;
  readonly facets: readonly FacetName[];
}

export const facetNames = [
  'content_type',
  'extension',
  'tags',
  'username',
  'element_id',
  'retention_policy',
] as const;
export type FacetName = (typeof facetNames)[number];
export type Facets = Partial<Record<FacetName, Readonly<Record<string, number>>>>;

export interface SearchHit {
  readonly file: CatalogueFile;
  readonly score: number | null;
  /** Field → text with the matches in `<em>…</em>`, everything else escaped. */
  readonly highlight: Readonly<Record<string, string>> | null;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  readonly next: SearchPosition | null;
  readonly facets: Facets | null;
  /**
   * Ranking looked at `limits.searchCandidates` matches and there were more; or a part of a name
   * was too short for an index, and there are more files than `limits.searchScanFiles`.
   */
  readonly isCut: boolean;
}

/** The search that is always right: PostgreSQL. @throws SEARCH_TIMEOUT, CATALOGUE_UNAVAILABLE */
export interface FileSearch {
  /** @throws CURSOR_INVALID when `after` does not fit the sort */
  searchFiles(query: SearchQuery): Promise<SearchPage>;
  /**
   * The files of these that are there and pass the filters, in the order of the ids: what a search
   * index found is only shown as the catalogue knows it.
   */
  findFiles(fileIds: readonly FileId[], filters: SearchFilters): Promise<readonly CatalogueFile[]>;
  /** Of all files that can be found. */
  countFiles(): Promise<number>;
}

/** What the search index holds of a file; the index's answers are ids. */
export interface SearchDocument {
  readonly file_id: FileId;
  /** Orders changes of one file: an older one never replaces a newer one. */
  readonly version: string;
  readonly original_filename: string;
  readonly extension: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly content_type: string;
  readonly username: string;
  readonly element_id: ElementId;
  readonly retention_policy: string;
  readonly file_size: number;
  /** Seconds since 1970, for filters and sorting. */
  readonly created_at: number;
  readonly updated_at: number;
  /** Values of `custom_attributes` and `metadata` as text. */
  readonly attribute_values: readonly string[];
}

export interface IndexHits {
  readonly hits: readonly {
    readonly fileId: FileId;
    readonly score: number | null;
    /** Field → its text as the index has it, with `highlightMarks` around what was found. */
    readonly highlight: Readonly<Record<string, string>> | null;
  }[];
  readonly facets: Facets | null;
  readonly hasMore: boolean;
}

/**
 * The typo-tolerant index beside the catalogue (Meilisearch). Disposable. Every method throws
 * `SEARCH_UNAVAILABLE` when it does not answer within `limits.searchEngineTimeoutMs`.
 */
export interface SearchIndex {
  /** False while the circuit breaker is open: nobody waits for a time-out. */
  isAvailable(): boolean;
  /**
   * Of the filters only those of which the index has the attribute: the catalogue decides about
   * all of them.
   */
  searchIndex(query: SearchQuery & { readonly offset: number }): Promise<IndexHits>;
  /** Prefix search as one types, over names. */
  suggest(prefix: string, limit: number): Promise<IndexHits>;
  /** Resolves when the index has taken them over (its task queue is awaited). */
  upsertDocuments(documents: readonly SearchDocument[], target?: string): Promise<void>;
  deleteDocuments(fileIds: readonly FileId[], target?: string): Promise<void>;
  countDocuments(): Promise<number>;
  /** Name of the index that `run` fills beside the serving one: the target of its writes. */
  nameIndex(run: string): string;
  /** A fresh empty index, whether there was one of this name or not. */
  createIndex(name: string): Promise<void>;
  hasIndex(name: string): Promise<boolean>;
  /** The filled index serves from now on; the old one is dropped. May be repeated. */
  swapIndex(name: string): Promise<void>;
  dropIndex(name: string): Promise<void>;
  /** Settings and the serving index exist afterwards; repeating it is harmless. */
  ensureIndex(): Promise<void>;
}

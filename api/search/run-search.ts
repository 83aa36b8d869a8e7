import { invalidCursor } from '#api/files/cursor.ts';
import { presentIndexHighlight } from '#api/search/index-highlight.ts';
import type { SearchRequest } from '#api/search/read-search-request.ts';
import type { ApiServices } from '#api/services.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import { parseFileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type {
  Facets,
  SearchHit,
  SearchIndex,
  SearchPosition,
  SearchQuery,
} from '#domain/ports/file-search.ts';
import { canonicalFilters, hasWords, isForIndex } from '#domain/search/search-criteria.ts';

export interface SearchResult {
  readonly hits: readonly SearchHit[];
  readonly nextCursor: string | null;
  readonly engine: 'postgres' | 'meilisearch';
  readonly facets: Facets | null;
  readonly isCut: boolean;
}

/** Where the next page begins: each engine has positions of its own, so it serves all pages. */
type Position =
  | { readonly engine: 'postgres'; readonly after: SearchPosition | null }
  | { readonly engine: 'meilisearch'; readonly offset: number };

/** Pages of the index that are read for one page of the answer, should the catalogue drop hits. */
const indexPages = 5;

/**
 * The engine that was asked for; by itself PostgreSQL, and the index where PostgreSQL knows no file
 * with these words. That the index is down is then no reason to fail.
 * @throws SEARCH_UNAVAILABLE when the index was asked for and does not answer
 */
export async function runSearch(
  services: ApiServices,
  { query, engine, cursor }: SearchRequest,
): Promise<SearchResult> {
  const scope = scopeOf({ query, engine });
  const position = cursor === null ? null : openCursor(services, cursor, scope);
  const seal = (next: Position | null): string | null =>
    next === null ? null : services.cursors.sealPosition(partsOf(next), scope);
  if (position?.engine === 'meilisearch' || (position === null && engine === 'meilisearch')) {
    return searchIndex(services, query, { offset: position?.offset ?? 0, seal });
  }
  const page = await services.ports.search.searchFiles({
    ...query,
    after: position?.after ?? null,
  });
  const { hits, next, facets, isCut } = page;
  if (hits.length === 0 && position === null && engine === 'auto' && isForIndex(query)) {
    const found = await tryIndex(services, query, seal);
    if (found !== null) return found;
  }
  const nextCursor = seal(next === null ? null : { engine: 'postgres', after: next });
  return { hits, nextCursor, engine: 'postgres', facets, isCut };
}

interface Paging {
  readonly offset: number;
  readonly seal: (next: Position | null) => string | null;
}

/** @returns null when the index knows nothing either, or is not there. */
async function tryIndex(
  services: ApiServices,
  query: SearchQuery,
  seal: Paging['seal'],
): Promise<SearchResult | null> {
  if (services.ports.searchIndex?.isAvailable() !== true) return null;
  try {
    const found = await searchIndex(services, query, { offset: 0, seal });
    return found.hits.length > 0 ? found : null;
  } catch (error) {
    if (isDomainError(error, 'SEARCH_UNAVAILABLE')) return null;
    throw error;
  }
}

/** The index gives ids; what is shown, and whether it passes the filters, the catalogue decides. */
async function searchIndex(
  services: ApiServices,
  query: SearchQuery,
  { offset, seal }: Paging,
): Promise<SearchResult> {
  const index = requireIndex(services);
  const hits: SearchHit[] = [];
  // An index that gets no word gives everything.
  if (query.text !== null && !hasWords(query.text)) {
    return { hits, nextCursor: null, engine: 'meilisearch', facets: null, isCut: false };
  }
  let facets: Facets | null = null;
  let place = offset;
  let hasMore = true;
  for (let page = 0; page < indexPages && hasMore && hits.length < query.limit; page += 1) {
    const found = await index.searchIndex({ ...query, offset: place });
    facets ??= found.facets;
    const ids = found.hits.map(({ fileId }) => fileId);
    const files = await services.ports.search.findFiles(ids, query.filters);
    const byId = new Map(files.map((file) => [file.fileId, file]));
    hasMore = found.hasMore;
    for (const [consumed, { fileId, score, highlight }] of found.hits.entries()) {
      const file = byId.get(fileId);
      place += 1;
      if (file === undefined) continue;
      const attributes = services.ports.codec.parseAttributes(file.attributes);
      hits.push({ file, score, highlight: presentIndexHighlight(highlight, attributes) });
      if (hits.length < query.limit) continue;
      hasMore = found.hasMore || consumed + 1 < found.hits.length;
      break;
    }
  }
  const isEnd = !hasMore || place >= limits.searchCandidates;
  const nextCursor = seal(isEnd ? null : { engine: 'meilisearch', offset: place });
  return { hits, nextCursor, engine: 'meilisearch', facets, isCut: false };
}

function requireIndex({ ports }: ApiServices): SearchIndex {
  if (ports.searchIndex?.isAvailable() === true) return ports.searchIndex;
  throw new DomainError('SEARCH_UNAVAILABLE', 'The search index is not available at the moment.');
}

/** A cursor belongs to one search; how much of each hit is wanted may differ from page to page. */
function scopeOf({ query, engine }: Pick<SearchRequest, 'query' | 'engine'>): readonly unknown[] {
  const { text, mode, sort, order } = query;
  return ['search', engine, text, mode, sort, order, canonicalFilters(query.filters)];
}

function partsOf(position: Position): readonly string[] {
  if (position.engine === 'meilisearch') return ['meilisearch', String(position.offset)];
  return ['postgres', position.after?.value ?? '', position.after?.fileId ?? ''];
}

/** @throws CURSOR_INVALID */
function openCursor(services: ApiServices, cursor: string, scope: object): Position {
  const [engine, value = '', id = ''] = services.cursors.openPosition(cursor, scope);
  if (engine === 'meilisearch') return { engine, offset: Number(value) };
  const fileId = parseFileId(id);
  if (fileId === null) throw invalidCursor();
  return { engine: 'postgres', after: { value, fileId } };
}

import type { SearchParams } from 'meilisearch';
import { instantToMillis } from '#domain/instant.ts';
import type { SearchFilters, SearchQuery } from '#domain/ports/file-search.ts';
import { highlightMarks } from '#domain/search/highlight.ts';

export const highlighting = {
  attributesToHighlight: ['original_filename', 'description', 'tags'],
  highlightPreTag: highlightMarks.start,
  highlightPostTag: highlightMarks.stop,
};

/** One hit more than the page has tells whether there is another page. */
export function searchParameters(query: SearchQuery & { readonly offset: number }): SearchParams {
  const filter = filterExpressions(query.filters);
  return {
    offset: query.offset,
    limit: query.limit + 1,
    attributesToRetrieve: ['file_id'],
    showRankingScore: true,
    // All words: fewer are found by typing fewer.
    matchingStrategy: 'all',
    ...(filter.length > 0 && { filter }),
    ...(query.mode !== 'fulltext' && { attributesToSearchOn: ['original_filename'] }),
    ...(query.sort !== 'relevance' && { sort: [`${query.sort}:${query.order}`] }),
    ...(query.facets.length > 0 && { facets: [...query.facets] }),
    ...(query.withHighlight && highlighting),
  };
}

/** An exact name is a phrase to this index; the catalogue is asked for the rest. */
export function searchText({ text, mode }: SearchQuery): string {
  if (text === null) return '';
  return mode === 'exact' ? `"${text.replaceAll('"', ' ')}"` : text;
}

function filterExpressions(filters: SearchFilters): string[] {
  const expressions: string[] = [];
  const equals = (attribute: string, value: string | undefined): void => {
    if (value !== undefined) expressions.push(`${attribute} = ${quote(value)}`);
  };
  const bounds = (attribute: string, least: number | null, most: number | null): void => {
    if (least !== null) expressions.push(`${attribute} >= ${least}`);
    if (most !== null) expressions.push(`${attribute} <= ${most}`);
  };
  equals('extension', filters.extension?.toLowerCase());
  equals('content_type', filters.contentType);
  equals('username', filters.username);
  equals('element_id', filters.elementId);
  equals('retention_policy', filters.retentionPolicy);
  for (const tag of filters.tags ?? []) equals('tags', tag);
  bounds('file_size', filters.sizeMinBytes ?? null, filters.sizeMaxBytes ?? null);
  const { createdFrom, createdTo } = filters;
  bounds(
    'created_at',
    createdFrom === undefined ? null : instantToMillis(createdFrom) / 1000,
    createdTo === undefined ? null : instantToMillis(createdTo) / 1000,
  );
  return expressions;
}

function quote(value: string): string {
  return `"${value.toWellFormed().replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

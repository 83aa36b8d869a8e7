import type { SearchFilters, SearchQuery } from '#domain/ports/file-search.ts';

/**
 * A search says at least one thing about the files it wants: some text, or a filter. Everything is
 * what the list is for.
 */
export function hasCriteria({ text, filters }: Pick<SearchQuery, 'text' | 'filters'>): boolean {
  return text !== null || Object.values(filters).some((filter) => filter !== undefined);
}

/** Without one a text has no word that a search engine could look for; some then find everything. */
export function hasWords(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

/** The typo-tolerant index is asked where it may know better: words that the catalogue has not. */
export function isForIndex({ text, mode }: Pick<SearchQuery, 'text' | 'mode'>): boolean {
  return mode === 'fulltext' && text !== null && hasWords(text);
}

/** Filters in one order, for whatever must be the same for the same search. */
export function canonicalFilters(filters: SearchFilters): readonly unknown[] {
  const { customAttributes, ...others } = filters;
  const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
    a < b ? -1 : 1;
  return [Object.entries(others).sort(byName), [...(customAttributes ?? [])].sort(byName)];
}

import type { Settings } from 'meilisearch';
import { limits } from '#domain/limits.ts';
import { facetNames } from '#domain/ports/file-search.ts';

export const primaryKey = 'file_id';

/** How the index searches. The order of the searchable attributes is their weight. */
export const indexSettings: Settings = {
  searchableAttributes: ['original_filename', 'description', 'tags', 'attribute_values'],
  filterableAttributes: [...facetNames, 'file_size', 'created_at', 'updated_at'],
  sortableAttributes: ['created_at', 'updated_at', 'file_size', 'original_filename'],
  // Nobody reads a document back: the catalogue has the attributes.
  displayedAttributes: [primaryKey, 'original_filename', 'description', 'tags'],
  typoTolerance: {
    enabled: true,
    minWordSizeForTypos: { oneTypo: 4, twoTypos: 8 },
    // One digit more or less is another contract.
    disableOnNumbers: true,
  },
  prefixSearch: 'indexingTime',
  pagination: { maxTotalHits: limits.searchCandidates },
  faceting: { maxValuesPerFacet: limits.facetValues, sortFacetValuesBy: { '*': 'count' } },
  searchCutoffMs: limits.searchEngineTimeoutMs / 2,
};

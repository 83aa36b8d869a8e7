import { answerJson } from '#api/answers.ts';
import { filesPath } from '#api/files/present-file.ts';
import { declareRoute } from '#api/route.ts';
import { presentIndexHighlight } from '#api/search/index-highlight.ts';
import { suggestAnswerSchema, suggestQuery } from '#api/search/search-schemas.ts';
import type { ApiServices } from '#api/services.ts';
import { requireNoFaults } from '#api/validation.ts';
import { isDomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import { hasWords } from '#domain/search/search-criteria.ts';

interface Suggestion {
  readonly file_id: string;
  readonly original_filename: string;
  readonly highlight: Readonly<Record<string, string>> | null;
}

interface Wanted {
  readonly text: string;
  readonly limit: number;
}

export const suggestFiles = declareRoute({
  method: 'GET',
  path: `${filesPath}/suggest`,
  name: 'suggestFiles',
  summary: 'Names that begin like what was typed so far',
  tag: 'search',
  policy: { action: 'files.read' },
  query: suggestQuery,
  answers: {
    200: { description: 'The best ones', content: { 'application/json': suggestAnswerSchema } },
  },
  errors: ['REQUEST_INVALID', 'SEARCH_TIMEOUT', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services, query, context }) => {
      const text = query.q.trim();
      if (text === '' || text.includes('\0')) {
        requireNoFaults([{ pointer: 'query/q', message: 'must have something to look for' }]);
      }
      const wanted = { text, limit: query.limit ?? limits.suggestItems };
      const suggested = await suggestByIndex(services, wanted);
      context.set('Cache-Control', 'private, no-cache');
      if (suggested !== null) {
        answerJson(context, 200, { items: suggested, engine: 'meilisearch' });
        return;
      }
      const items = await suggestByCatalogue(services, wanted);
      answerJson(context, 200, { items, engine: 'postgres' });
    },
  ],
});

/** @returns null when the index does not answer: then the catalogue does. */
async function suggestByIndex(
  { ports }: ApiServices,
  { text, limit }: Wanted,
): Promise<Suggestion[] | null> {
  // Without a word the index would suggest everything.
  if (ports.searchIndex?.isAvailable() !== true || !hasWords(text)) return null;
  try {
    const { hits } = await ports.searchIndex.suggest(text, limit);
    const ids = hits.map(({ fileId }) => fileId);
    const highlights = new Map(hits.map(({ fileId, highlight }) => [fileId, highlight]));
    return (await ports.search.findFiles(ids, {})).map((file) => {
      const attributes = ports.codec.parseAttributes(file.attributes);
      return {
        file_id: file.fileId,
        original_filename: attributes.original_filename,
        highlight: presentIndexHighlight(highlights.get(file.fileId) ?? null, attributes),
      };
    });
  } catch (error) {
    if (isDomainError(error, 'SEARCH_UNAVAILABLE')) return null;
    throw error;
  }
}

async function suggestByCatalogue(
  { ports }: ApiServices,
  { text, limit }: Wanted,
): Promise<Suggestion[]> {
  const { hits } = await ports.search.searchFiles({
    text,
    mode: 'partial',
    filters: {},
    sort: 'relevance',
    order: 'desc',
    limit,
    after: null,
    withHighlight: true,
    facets: [],
  });
  return hits.map(({ file, highlight }) => ({
    file_id: file.fileId,
    original_filename: ports.codec.parseAttributes(file.attributes).original_filename,
    highlight,
  }));
}

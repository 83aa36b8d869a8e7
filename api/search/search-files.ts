import { answerJson } from '#api/answers.ts';
import { filesPath, presentFile } from '#api/files/present-file.ts';
import { readJsonBody } from '#api/json-body.ts';
import { declareRoute } from '#api/route.ts';
import { readSearchRequest } from '#api/search/read-search-request.ts';
import { runSearch } from '#api/search/run-search.ts';
import { searchAnswerSchema, searchRequestSchema } from '#api/search/search-schemas.ts';
import { limits } from '#domain/limits.ts';

export const searchFiles = declareRoute({
  method: 'POST',
  path: `${filesPath}/search`,
  name: 'searchFiles',
  summary: 'Find files by their words, names and attributes',
  tag: 'search',
  policy: { action: 'files.read' },
  body: {
    description: 'At least a query or one filter.',
    maxBytes: limits.jsonBodyBytes,
    content: { 'application/json': searchRequestSchema },
  },
  answers: {
    200: { description: 'A page', content: { 'application/json': searchAnswerSchema } },
  },
  errors: [
    'REQUEST_MALFORMED',
    'REQUEST_INVALID',
    'CURSOR_INVALID',
    'BODY_INCOMPLETE',
    'BODY_TOO_LARGE',
    'MEDIA_TYPE_UNSUPPORTED',
    'SENDER_TOO_SLOW',
    'SEARCH_UNAVAILABLE',
    'SEARCH_TIMEOUT',
    'CATALOGUE_UNAVAILABLE',
  ],
  steps: [
    async (call) => {
      const { services, context } = call;
      const body = await readJsonBody(call, { maxBytes: limits.jsonBodyBytes });
      const result = await runSearch(services, readSearchRequest(body));
      context.set('Cache-Control', 'private, no-cache');
      answerJson(context, 200, {
        items: result.hits.map(({ file, score, highlight }) => ({
          file: presentFile(services.ports.codec.parseAttributes(file.attributes), file),
          score,
          highlight,
        })),
        next_cursor: result.nextCursor,
        engine: result.engine,
        facets: result.facets,
        is_cut: result.isCut,
      });
    },
  ],
});

import { answerJson } from '#api/answers.ts';
import { operationSchema } from '#api/operations/operation-schemas.ts';
import { idempotencyErrors, idempotencyHeaders, startOnce } from '#api/operations/start-once.ts';
import { requireWorkflows } from '#api/require-workflows.ts';
import { callerOf, declareRoute } from '#api/route.ts';
import { searchStatusSchema } from '#api/search/search-schemas.ts';
import type { ApiServices } from '#api/services.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';

const searchPath = '/api/v1/search';

export const showSearchStatus = declareRoute({
  method: 'GET',
  path: `${searchPath}/status`,
  name: 'showSearchStatus',
  summary: 'Whether the search index has what the catalogue has',
  tag: 'search',
  policy: { action: 'search.inspect' },
  answers: {
    200: { description: 'Counts and lag', content: { 'application/json': searchStatusSchema } },
  },
  errors: ['SEARCH_TIMEOUT', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services, context }) => {
      const { ports } = services;
      const [files, documents, lag] = await Promise.all([
        ports.search.countFiles(),
        countDocuments(services),
        ports.feed.measureLag('search'),
      ]);
      context.set('Cache-Control', 'no-store');
      answerJson(context, 200, {
        available: documents !== null,
        catalogue_files: files,
        index_documents: documents,
        drift: documents === null ? null : documents - files,
        lag: { events: lag.rows, age_ms: Math.round(lag.ageMs) },
      });
    },
  ],
});

export const reindexSearch = declareRoute({
  method: 'POST',
  path: `${searchPath}/reindex`,
  name: 'reindexSearch',
  summary: 'Fill a new search index from the catalogue, then let it take the place of the old one',
  tag: 'search',
  policy: { action: 'search.manage' },
  headers: idempotencyHeaders,
  answers: {
    202: {
      description: 'Started; searches go on with the old index until it is done',
      content: { 'application/json': operationSchema },
      headers: { Location: 'The operation' },
    },
  },
  errors: [
    ...idempotencyErrors,
    'OPERATION_IN_PROGRESS',
    'SEARCH_UNAVAILABLE',
    'CATALOGUE_UNAVAILABLE',
    'WORKFLOWS_UNAVAILABLE',
  ],
  steps: [
    async (call) => {
      const { searchIndex, searchMaintenance } = call.services.ports;
      if (searchIndex === null) {
        throw new DomainError('SEARCH_UNAVAILABLE', 'This installation has no search index.');
      }
      requireWorkflows(call.services);
      const { accountId } = callerOf(call);
      await startOnce(call, {
        kind: 'reindexSearch',
        subject: () => ({ type: 'search', id: 'files' }),
        request: {},
        start: (operationId) =>
          searchMaintenance.startReindex({ operationId, startedBy: accountId }),
      });
    },
  ],
});

async function countDocuments({ ports }: ApiServices): Promise<number | null> {
  if (ports.searchIndex?.isAvailable() !== true) return null;
  try {
    return await ports.searchIndex.countDocuments();
  } catch (error) {
    if (isDomainError(error, 'SEARCH_UNAVAILABLE')) return null;
    throw error;
  }
}

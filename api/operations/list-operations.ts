import type { Static } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { operationListQuery, operationListSchema } from '#api/operations/operation-schemas.ts';
import { operationsPath, presentOperation } from '#api/operations/present-operation.ts';
import { callerOf, declareRoute, type Call } from '#api/route.ts';
import { invalidCursor } from '#api/files/cursor.ts';
import { parseOperationId, type AccountId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { OperationListQuery } from '#domain/ports/operation-registry.ts';

type Query = Static<typeof operationListQuery>;
type Filters = OperationListQuery['filters'];

export const listOperations = declareRoute({
  method: 'GET',
  path: operationsPath,
  name: 'listOperations',
  summary: 'Running and finished work, newest first; uploads too',
  tag: 'operations',
  policy: { action: 'operations.read' },
  query: operationListQuery,
  answers: {
    200: { description: 'A page', content: { 'application/json': operationListSchema } },
  },
  errors: ['CURSOR_INVALID', 'CATALOGUE_UNAVAILABLE'],
  steps: [answerPage],
});

export async function answerPage(call: Call<unknown, Query>): Promise<void> {
  const { services, query, context } = call;
  const filters = readFilters(call);
  const scope = { list: 'operations', filters };
  const after = query.cursor === undefined ? null : readCursor(call, query.cursor, scope);
  const limit = query.limit ?? limits.pageSizeDefault;
  const page =
    filters === null
      ? { operations: [], next: null }
      : await services.ports.operations.listOperations({ filters, limit, after });
  context.set('Cache-Control', 'no-store');
  answerJson(context, 200, {
    items: page.operations.map((operation) => presentOperation(operation, services.settings)),
    next_cursor:
      page.next === null
        ? null
        : services.cursors.sealPosition([page.next.createdAt, page.next.operationId], scope),
  });
}

/** Null: the caller asks for what others have started and may see none of it. */
function readFilters(call: Call<unknown, Query>): Filters | null {
  const { kind, state, subject_id: subjectId, started_by: startedBy } = call.query;
  const own = call.reach === 'all' ? undefined : callerOf(call).accountId;
  const starter = (startedBy?.toLowerCase() as AccountId | undefined) ?? own;
  if (own !== undefined && starter !== own) return null;
  return {
    ...(kind !== undefined && { kind }),
    ...(state !== undefined && { state }),
    ...(subjectId !== undefined && { subjectId: subjectId.toLowerCase() }),
    ...(starter !== undefined && { startedBy: starter }),
  };
}

function readCursor(call: Call, cursor: string, scope: object): OperationListQuery['after'] {
  const [instant = '', id = ''] = call.services.cursors.openPosition(cursor, scope);
  const createdAt = parseInstant(instant);
  const operationId = parseOperationId(id);
  if (createdAt === null || operationId === null) throw invalidCursor();
  return { createdAt, operationId };
}

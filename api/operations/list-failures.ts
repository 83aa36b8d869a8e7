import { Type, type Static } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { invalidCursor } from '#api/files/cursor.ts';
import { findOperation } from '#api/operations/find-operation.ts';
import { operationParams } from '#api/operations/operation-schemas.ts';
import { operationsPath } from '#api/operations/present-operation.ts';
import { declareRoute, type Call } from '#api/route.ts';
import { limits } from '#domain/limits.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';

const nullableText = Type.Union([Type.String(), Type.Null()]);

export const failureListSchema = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        file_id: nullableText,
        element_id: nullableText,
        path: nullableText,
        code: Type.String(),
        detail: Type.String(),
      }),
    ),
    next_cursor: nullableText,
  },
  { title: 'FailureList' },
);

export const failureListQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSizeMax })),
    cursor: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

type Params = Static<typeof operationParams>;
type Query = Static<typeof failureListQuery>;

export const listFailures = declareRoute({
  method: 'GET',
  path: `${operationsPath}/{operation_id}/failures`,
  name: 'listFailures',
  summary: 'What an operation over many files could not do, or has found',
  tag: 'operations',
  policy: { action: 'operations.read' },
  params: operationParams,
  paramsFault: 'OPERATION_NOT_FOUND',
  query: failureListQuery,
  answers: {
    200: { description: 'A page', content: { 'application/json': failureListSchema } },
  },
  errors: ['OPERATION_NOT_FOUND', 'CURSOR_INVALID', 'CATALOGUE_UNAVAILABLE'],
  steps: [answerFailures],
});

export async function answerFailures(call: Call<Params, Query>): Promise<void> {
  const { services, query, context } = call;
  const { operationId } = await findOperation(call);
  const scope = { list: 'failures', operationId };
  const limit = query.limit ?? limits.pageSizeDefault;
  const after = query.cursor === undefined ? null : readCursor(call, query.cursor, scope);
  const page = await services.ports.failures.listFailures(operationId, { limit, after });
  context.set('Cache-Control', 'no-store');
  answerJson(context, 200, {
    items: page.failures.map(presentFailure),
    next_cursor: page.next === null ? null : services.cursors.sealPosition([page.next], scope),
  });
}

function readCursor({ services }: Call, cursor: string, scope: object): string {
  const [key] = services.cursors.openPosition(cursor, scope);
  if (key === undefined) throw invalidCursor();
  return key;
}

function presentFailure({ fileId, elementId, path, code, detail }: OperationFailure) {
  return { file_id: fileId, element_id: elementId, path, code, detail };
}

import { Type } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { operationsPath, presentOperation } from '#api/operations/present-operation.ts';
import { callerOf, declareRoute } from '#api/route.ts';
import { DomainError } from '#domain/errors.ts';
import { parseOperationId } from '#domain/ids.ts';

const text = Type.String();
const nullableText = Type.Union([text, Type.Null()]);
const count = Type.Integer({ minimum: 0 });

export const operationSchema = Type.Object(
  {
    operation_id: text,
    kind: text,
    state: Type.Unsafe<string>({
      type: 'string',
      enum: ['pending', 'running', 'paused', 'completed', 'failed', 'cancelled'],
    }),
    progress: Type.Union([
      Type.Object({ done: count, failed: count, skipped: count, total: count }),
      Type.Null(),
    ]),
    result: Type.Unknown(),
    error: Type.Unknown({ description: 'A problem, or null.' }),
    subject: Type.Object({ type: text, id: text }),
    started_by: text,
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
    finished_at: nullableText,
    workflow_id: nullableText,
    workflow_url: nullableText,
    links: Type.Record(Type.String(), Type.String()),
  },
  { title: 'Operation' },
);

const showOperation = declareRoute({
  method: 'GET',
  path: `${operationsPath}/{operation_id}`,
  name: 'showOperation',
  summary: 'Running or finished work: an upload is an operation with the id of its file',
  tag: 'operations',
  policy: { action: 'operations.read' },
  params: Type.Object({ operation_id: Type.String({ format: 'uuid' }) }),
  paramsFault: 'OPERATION_NOT_FOUND',
  answers: {
    200: { description: 'The operation', content: { 'application/json': operationSchema } },
  },
  errors: ['OPERATION_NOT_FOUND', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async (call) => {
      const { services, params, context } = call;
      const operationId = parseOperationId(params.operation_id);
      const operation =
        operationId === null ? null : await services.ports.operations.findOperation(operationId);
      // Somebody else's operation is none of the caller's business: not even that it exists.
      const isVisible = call.reach === 'all' || operation?.startedBy === callerOf(call).accountId;
      if (operation === null || !isVisible) {
        throw new DomainError('OPERATION_NOT_FOUND', 'There is no operation with this id.');
      }
      context.set('Cache-Control', 'no-store');
      answerJson(context, 200, presentOperation(operation, services.settings));
    },
  ],
});

export const operationRoutes = [showOperation];

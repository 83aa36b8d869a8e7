import { Type } from 'typebox';
import { limits } from '#domain/limits.ts';
import { operationStates, type OperationState } from '#domain/operations.ts';

const text = Type.String();
const nullableText = Type.Union([text, Type.Null()]);
const count = Type.Integer({ minimum: 0 });
const state = Type.Unsafe<OperationState>({ type: 'string', enum: operationStates });

export const operationSchema = Type.Object(
  {
    operation_id: text,
    kind: text,
    state,
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

export const operationListSchema = Type.Object(
  { items: Type.Array(operationSchema), next_cursor: nullableText },
  { title: 'OperationList' },
);

export const operationListQuery = Type.Object(
  {
    kind: Type.Optional(text),
    state: Type.Optional(state),
    subject_id: Type.Optional(text),
    started_by: Type.Optional(Type.String({ format: 'uuid' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSizeMax })),
    cursor: Type.Optional(text),
  },
  { additionalProperties: false },
);

export const operationParams = Type.Object({ operation_id: Type.String({ format: 'uuid' }) });

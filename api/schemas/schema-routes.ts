import { Type } from 'typebox';
import { answerJson, answerText } from '#api/answers.ts';
import { declareRoute } from '#api/route.ts';
import { attributesSchemas, findAttributesSchema } from '#domain/attributes/attributes-schemas.ts';
import { DomainError } from '#domain/errors.ts';

const schemasPath = '/api/v1/schemas';

const listSchemas = declareRoute({
  method: 'GET',
  path: schemasPath,
  name: 'listSchemas',
  summary: 'Versions of the sidecar',
  tag: 'schemas',
  policy: { action: 'schemas.read' },
  answers: {
    200: {
      description: 'The versions, oldest first',
      content: {
        'application/json': Type.Object({
          items: Type.Array(
            Type.Object({
              version: Type.String(),
              links: Type.Object({ self: Type.String() }),
            }),
          ),
          next_cursor: Type.Null(),
        }),
      },
    },
  },
  errors: [],
  steps: [
    ({ context }) => {
      const items = Object.keys(attributesSchemas).map((version) => ({
        version,
        links: { self: `${schemasPath}/${version}` },
      }));
      answerJson(context, 200, { items, next_cursor: null });
    },
  ],
});

const showSchema = declareRoute({
  method: 'GET',
  path: `${schemasPath}/{version}`,
  name: 'showSchema',
  summary: 'JSON Schema of one version of the sidecar',
  tag: 'schemas',
  policy: { action: 'schemas.read' },
  params: Type.Object({ version: Type.String() }),
  answers: {
    200: {
      description: 'The schema; a released one never changes',
      content: { 'application/schema+json': Type.Record(Type.String(), Type.Unknown()) },
    },
  },
  errors: ['SCHEMA_NOT_FOUND'],
  steps: [
    ({ context, params }) => {
      const schema = findAttributesSchema(params.version);
      if (schema === null) {
        throw new DomainError('SCHEMA_NOT_FOUND', 'There is no such version of the sidecar.');
      }
      const text = JSON.stringify(schema);
      answerText(context, 200, { text, contentType: 'application/schema+json' });
    },
  ],
});

export const schemaRoutes = [listSchemas, showSchema];

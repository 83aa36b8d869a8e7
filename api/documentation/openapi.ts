import type { TObject, TSchema } from 'typebox';
import { presentProblem } from '#api/problem-details.ts';
import { tokenPath } from '#api/auth/auth-routes.ts';
import type { Answer, Route } from '#api/route.ts';
import { actions, scopes } from '#domain/access/access.ts';
import { DomainError, errorCatalogue, type ErrorCode } from '#domain/errors.ts';

type Json = Record<string, unknown>;

/** What every route can be answered with, beside what it declares. */
const errorsOfAll: readonly ErrorCode[] = ['REQUEST_MALFORMED', 'REQUEST_INVALID', 'INTERNAL'];
const errorsOfGuarded: readonly ErrorCode[] = ['UNAUTHENTICATED', 'FORBIDDEN'];

/** OpenAPI 3.1 of the declarations that route and validate. */
export function createOpenApi(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const operations = (paths[route.path] ??= {});
    operations[route.method.toLowerCase()] = describeRoute(route);
    if (route.method === 'GET') {
      operations['head'] = { ...describeRoute(route), operationId: `${route.name}Head` };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'ArtStore',
      version: '1',
      description: 'A distributed store for the long-term keeping of documents.',
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        accessToken: {
          type: 'oauth2',
          description: `What a token may do is decided by role and scope: ${actions.join(', ')}.`,
          flows: {
            clientCredentials: {
              tokenUrl: tokenPath,
              scopes: Object.fromEntries(scopes.map((scope) => [scope, scope])),
            },
          },
        },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
      schemas: { Problem: problemSchema },
    },
  };
}

function describeRoute(route: Route): Json {
  const isPublic = route.policy === 'public';
  return {
    operationId: route.name,
    summary: route.summary,
    tags: [route.tag],
    security: isPublic ? [] : [{ accessToken: [] }, { bearer: [] }],
    ...(route.policy !== 'public' && { 'x-action': route.policy.action }),
    parameters: [
      ...describeParameters(route.params, 'path'),
      ...describeParameters(route.query, 'query'),
      ...describeParameters(route.headers, 'header'),
    ],
    ...(route.body !== undefined && {
      requestBody: {
        required: true,
        description: route.body.description,
        content: describeContent(route.body.content),
        'x-max-bytes': route.body.maxBytes,
      },
    }),
    responses: { ...describeAnswers(route.answers), ...describeErrors(route) },
  };
}

function describeParameters(schema: TObject | undefined, place: string): Json[] {
  if (schema === undefined) return [];
  const required: readonly string[] = schema.required ?? [];
  return Object.entries(schema.properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

function describeAnswers(answers: Readonly<Record<number, Answer>>): Json {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, content, headers }]) => [
      status,
      {
        description,
        ...(content !== undefined && { content: describeContent(content) }),
        ...(headers !== undefined && {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, text]) => [
              name,
              { description: text, schema: { type: 'string' } },
            ]),
          ),
        }),
      },
    ]),
  );
}

function describeContent(content: Readonly<Record<string, TSchema>>): Json {
  return Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }]));
}

function describeErrors(route: Route): Json {
  if (route.errorForm === 'oauth') return {};
  const guarded = route.policy === 'public' ? [] : errorsOfGuarded;
  const draining: readonly ErrorCode[] = route.isServedWhileDraining === true ? [] : ['DRAINING'];
  const codes = [...errorsOfAll, ...guarded, ...draining, ...route.errors];
  if (route.paramsFault !== undefined) codes.push(route.paramsFault);
  const byStatus = Map.groupBy(new Set(codes), (code) => statusOfCode(code));
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `${code}: ${errorCatalogue[code].title}`).join('; '),
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    ]),
  );
}

function statusOfCode(code: ErrorCode): number {
  return presentProblem(new DomainError(code, ''), '').status;
}

const problemSchema = {
  title: 'Problem',
  description: 'RFC 9457',
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string', enum: Object.keys(errorCatalogue) },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { pointer: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

import { Type } from 'typebox';
import { answerJson, answerText } from '#api/answers.ts';
import { isNotModified } from '#api/files/conditions.ts';
import { invalidCursor } from '#api/files/cursor.ts';
import { declareRoute } from '#api/route.ts';
import {
  pageQuery,
  presentTemplate,
  templateListSchema,
  templatesPath,
} from '#api/templates/template-schemas.ts';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import { isTemplateName, parseTemplateVersion } from '#domain/templates/template-name.ts';

const policy = { action: 'schemas.read' } as const;
const yearSeconds = 31_536_000;

export const listTemplates = declareRoute({
  method: 'GET',
  path: templatesPath,
  name: 'listTemplates',
  summary: 'Templates for custom attributes, each in its newest version, by name',
  tag: 'schemas',
  policy,
  query: pageQuery,
  answers: {
    200: { description: 'A page', content: { 'application/json': templateListSchema } },
  },
  errors: ['REQUEST_INVALID', 'CURSOR_INVALID', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services: { ports, cursors }, query, context }) => {
      const { limit = limits.pageSizeDefault, cursor } = query;
      const scope = { list: 'templates' };
      const [after = null] = cursor === undefined ? [] : cursors.openPosition(cursor, scope);
      const templates = await ports.templates.listNewest({ limit: limit + 1, after });
      const shown = templates.slice(0, limit);
      const last = templates.length > limit ? shown.at(-1) : undefined;
      context.set('Cache-Control', 'no-store');
      answerJson(context, 200, {
        items: shown.map(presentTemplate),
        next_cursor: last === undefined ? null : cursors.sealPosition([last.name], scope),
      });
    },
  ],
});

export const listTemplateVersions = declareRoute({
  method: 'GET',
  path: `${templatesPath}/{name}`,
  name: 'listTemplateVersions',
  summary: 'Versions of a template, the newest first',
  tag: 'schemas',
  policy,
  params: Type.Object({ name: Type.String() }),
  query: pageQuery,
  answers: {
    200: { description: 'A page', content: { 'application/json': templateListSchema } },
  },
  errors: ['TEMPLATE_NOT_FOUND', 'REQUEST_INVALID', 'CURSOR_INVALID', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services: { ports, cursors }, params: { name }, query, context }) => {
      if (!isTemplateName(name)) throw noSuchTemplate();
      const { limit = limits.pageSizeDefault, cursor } = query;
      const scope = { list: 'template versions', name };
      const before =
        cursor === undefined ? null : readVersion(cursors.openPosition(cursor, scope)[0]);
      const versions = await ports.templates.listVersions(name, { limit: limit + 1, before });
      if (versions.length === 0 && before === null) throw noSuchTemplate();
      const shown = versions.slice(0, limit);
      const last = versions.length > limit ? shown.at(-1) : undefined;
      context.set('Cache-Control', 'no-store');
      answerJson(context, 200, {
        items: shown.map(presentTemplate),
        next_cursor:
          last === undefined ? null : cursors.sealPosition([String(last.version)], scope),
      });
    },
  ],
});

export const showTemplate = declareRoute({
  method: 'GET',
  path: `${templatesPath}/{name}/{version}`,
  name: 'showTemplate',
  summary: 'JSON Schema of one version of a template',
  tag: 'schemas',
  policy,
  params: Type.Object({ name: Type.String(), version: Type.String() }),
  answers: {
    200: {
      description: 'The schema as it was registered; it never changes',
      content: { 'application/schema+json': Type.Record(Type.String(), Type.Unknown()) },
      headers: { ETag: 'Digest of its canonical form' },
    },
    304: { description: 'As the caller has it' },
  },
  errors: ['TEMPLATE_NOT_FOUND', 'PRECONDITION_FAILED', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services, params: { name, version: sent }, context }) => {
      const version = parseTemplateVersion(sent);
      if (version === null || !isTemplateName(name)) throw noSuchTemplate();
      const template = await services.ports.templates.findTemplate({ name, version });
      if (template === null) throw noSuchTemplate();
      const etag = `"${template.digest}"`;
      context.set('ETag', etag);
      context.set('Cache-Control', `private, max-age=${yearSeconds}, immutable`);
      if (isNotModified(context.req.headers, { etag, lastModifiedMs: null })) {
        context.status = 304;
        return;
      }
      const text = JSON.stringify(template.schema);
      answerText(context, 200, { text, contentType: 'application/schema+json' });
    },
  ],
});

function readVersion(text: string | undefined): number {
  const version = parseTemplateVersion(text ?? '');
  if (version === null) throw invalidCursor();
  return version;
}

function noSuchTemplate(): DomainError {
  return new DomainError(
    'TEMPLATE_NOT_FOUND',
    'There is no template of this name, or not in this version.',
  );
}

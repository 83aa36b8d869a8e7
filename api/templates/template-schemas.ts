import { Type } from 'typebox';
import { limits } from '#domain/limits.ts';
import type { TemplateVersion } from '#domain/ports/template-registry.ts';
import { presentInstant } from '#domain/instant.ts';
import { templateIdOf, templateNameRule } from '#domain/templates/template-name.ts';

export const templatesPath = '/api/v1/schemas/templates';

const text = Type.String();

export const newTemplateSchema = Type.Object(
  {
    name: Type.String({ description: templateNameRule }),
    schema: Type.Record(text, Type.Unknown(), {
      description: 'JSON Schema 2020-12 for custom_attributes, complete in itself.',
    }),
  },
  { title: 'NewTemplate', additionalProperties: false },
);

export const templateSchema = Type.Object(
  {
    name: text,
    version: Type.Integer({ minimum: 1 }),
    template: Type.String({ description: '`name@version`, as files carry it.' }),
    digest: Type.String({ description: 'SHA-256 of the canonical form of the schema.' }),
    created_by: Type.String({ format: 'uuid' }),
    created_at: Type.String({ format: 'date-time' }),
    links: Type.Object({ self: text, versions: text }),
  },
  { title: 'Template' },
);

export const templateListSchema = Type.Object(
  { items: Type.Array(templateSchema), next_cursor: Type.Union([text, Type.Null()]) },
  { title: 'TemplateList' },
);

export const pageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSizeMax })),
    cursor: Type.Optional(text),
  },
  { additionalProperties: false },
);

export function presentTemplate(template: TemplateVersion) {
  const { name, version, digest, createdBy, createdAt } = template;
  return {
    name,
    version,
    template: templateIdOf(template),
    digest,
    created_by: createdBy,
    created_at: presentInstant(createdAt),
    links: { self: `${templatesPath}/${name}/${version}`, versions: `${templatesPath}/${name}` },
  };
}

import { Type, type TSchema } from 'typebox';
import { limits } from '#domain/limits.ts';

const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const instant = Type.String({ format: 'date-time' });
const freeObject = Type.Record(Type.String(), Type.Unknown());
const text = Type.String();

export const fileStates = [
  'stored',
  'deleting',
  'restoring',
  'archived',
  'suspect',
  'corrupt',
  'missing',
] as const;

export const oneOf = <Value extends string>(values: readonly Value[]) =>
  Type.Unsafe<Value>({ type: 'string', enum: values });

export const fileParams = Type.Object({ file_id: Type.String({ format: 'uuid' }) });

export const fileSchema = Type.Object(
  {
    file_id: Type.String({ format: 'uuid' }),
    original_filename: text,
    file_size: Type.Integer({ minimum: 0 }),
    content_type: text,
    checksum: Type.Object({ algorithm: Type.Literal('sha-256'), value: text }),
    created_at: instant,
    updated_at: instant,
    created_by: Type.Object({ id: nullable(text), username: text, fullname: nullable(text) }),
    description: nullable(text),
    version: nullable(text),
    tags: Type.Array(text),
    metadata: freeObject,
    custom_attributes: freeObject,
    template: nullable(text),
    retention: Type.Object({
      policy: oneOf(['temporary', 'permanent']),
      expires_at: nullable(instant),
      finalized_at: nullable(instant),
      retain_until: nullable(instant),
      legal_holds: Type.Array(
        Type.Object({ id: text, reason: text, placed_by: text, placed_at: instant }),
      ),
    }),
    storage: Type.Object({
      element_id: text,
      mode: oneOf(['edit', 'rw', 'ro', 'ar']),
      path: text,
      encoding: text,
      size: Type.Integer(),
    }),
    schema_version: text,
    revision: Type.Integer(),
    state: oneOf(fileStates),
    verified_at: nullable(instant),
    links: Type.Object({ self: text, content: text, attributes: text }),
  },
  { title: 'File' },
);

export const fileListSchema = Type.Object(
  {
    items: Type.Array(fileSchema),
    next_cursor: nullable(text),
    total: Type.Optional(Type.Integer()),
  },
  { title: 'FileList' },
);

export const fileListQuery = Type.Object(
  {
    filename: Type.Optional(text),
    content_type: Type.Optional(text),
    tag: Type.Optional(text),
    username: Type.Optional(text),
    element_id: Type.Optional(Type.String({ format: 'element-id' })),
    state: Type.Optional(oneOf(fileStates)),
    retention_policy: Type.Optional(oneOf(['temporary', 'permanent'])),
    created_from: Type.Optional(instant),
    created_to: Type.Optional(instant),
    sort: Type.Optional(oneOf(['created_at', 'updated_at', 'file_size', 'original_filename'])),
    order: Type.Optional(oneOf(['asc', 'desc'])),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSizeMax })),
    cursor: Type.Optional(Type.String()),
    include: Type.Optional(oneOf(['total'])),
  },
  { additionalProperties: false },
);

/** Only for the document: what a patch may say depends on the file. */
export const filePatchSchema = Type.Object(
  {
    description: Type.Optional(nullable(text)),
    version: Type.Optional(nullable(Type.String({ maxLength: limits.versionChars }))),
    tags: Type.Optional(
      Type.Array(Type.String({ maxLength: limits.tagLengthChars }), { maxItems: limits.tagCount }),
    ),
    metadata: Type.Optional(nullable(freeObject)),
    custom_attributes: Type.Optional(freeObject),
    retention: Type.Optional(
      Type.Object(
        {
          retain_until: Type.Optional(
            Type.String({ format: 'date-time', description: 'Can only be moved later.' }),
          ),
          expires_at: Type.Optional(
            Type.String({
              format: 'date-time',
              description: `Temporary files only, at most ${limits.ttlDaysMax} days from now.`,
            }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { title: 'FilePatch', additionalProperties: false },
);

/** The fields of an upload as a form or a query carries them. */
const uploadFieldProperties = {
  description: Type.Optional(text),
  version: Type.Optional(Type.String({ maxLength: limits.versionChars })),
  tags: Type.Optional(Type.Array(text, { description: 'A JSON array, or the field repeated.' })),
  metadata: Type.Optional(Type.String({ description: 'A JSON object.' })),
  custom_attributes: Type.Optional(Type.String({ description: 'A JSON object.' })),
  retention_policy: Type.Optional(
    Type.String({ description: '"temporary" (default) or "permanent".' }),
  ),
  ttl_days: Type.Optional(
    Type.String({
      description: `${limits.ttlDaysMin}–${limits.ttlDaysMax}, temporary files only.`,
    }),
  ),
  retain_until: Type.Optional(Type.String({ description: 'An instant, permanent files only.' })),
  compress: Type.Optional(Type.String({ description: 'Only "none" for now.' })),
  template: Type.Optional(
    Type.String({
      description: 'name@version, or the name alone for the newest: custom_attributes must fit it.',
    }),
  ),
};

/** Open: what is not a field is refused with the other faults of the fields, not before them. */
export const uploadQuery = Type.Object({
  filename: Type.Optional(
    Type.String({ description: 'Of a raw body, unless Content-Disposition names it.' }),
  ),
  ...uploadFieldProperties,
});

export const uploadFormSchema = Type.Object({
  file: Type.String({ format: 'binary', description: 'Exactly one; its name and type count.' }),
  attributes: Type.Optional(
    Type.String({ description: 'All fields as one JSON object, in place of single fields.' }),
  ),
  ...uploadFieldProperties,
});

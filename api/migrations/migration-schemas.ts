import { Type } from 'typebox';
import { operationSchema } from '#api/operations/operation-schemas.ts';
import { limits } from '#domain/limits.ts';
import type { MappingPolicy } from '#domain/ports/migration-lifecycle.ts';

export const migrationsPath = '/api/v1/migrations';

const closed = { additionalProperties: false };
const text = Type.String();
const nullableText = Type.Union([text, Type.Null()]);
const count = Type.Integer({ minimum: 0 });

/** With one fault where a union would have three. */
const orNull = <Value>(type: 'string' | 'number' | 'array' | 'object', rule: object) =>
  Type.Optional(Type.Unsafe<Value | null>({ type: [type, 'null'], ...rule }));

const instant = orNull<string>('string', { format: 'date-time' });

const concurrency = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: limits.migrationConcurrencyMax,
    description: `Parts of the run that work at once; ${limits.migrationConcurrencyDefault} when nothing is said.`,
  }),
);
const filesPerSecond = orNull<number>('number', {
  minimum: limits.migrationFilesPerSecondMin,
  maximum: limits.migrationFilesPerSecondMax,
  description: 'Of the whole run; null: as fast as it goes.',
});

const selectionSchema = Type.Object(
  {
    element_id: orNull<string>('string', { format: 'element-id' }),
    created_at: Type.Optional(
      Type.Unsafe<{ readonly from?: string | null; readonly to?: string | null } | null>({
        type: ['object', 'null'],
        properties: { from: instant, to: instant },
        description: 'Both ends belong to it.',
        ...closed,
      }),
    ),
    file_ids: orNull<readonly string[]>('array', {
      items: { type: 'string', format: 'uuid' },
      maxItems: limits.migrationFileIds,
    }),
  },
  { ...closed, description: 'Files that meet all of it; without it all files.' },
);

export const migrationRequestSchema = Type.Object(
  {
    source_version: text,
    target_version: Type.String({ description: 'The version that is written now.' }),
    selection: Type.Optional(selectionSchema),
    mapping: Type.Optional(
      Type.Record(text, text, {
        maxProperties: limits.migrationMappingKeys,
        description: 'Key of metadata → key of custom_attributes, to which its value moves.',
      }),
    ),
    mapping_policy: Type.Optional(
      Type.Unsafe<MappingPolicy>({
        type: 'string',
        enum: ['refuse', 'keep', 'replace'],
        description:
          'Where another value stands already: the file fails (refuse, when nothing is said), ' +
          'both stay where they are (keep), or the one of metadata takes the place (replace).',
      }),
    ),
    template: orNull<string>('string', {
      description: 'name or name@version; custom_attributes must fit it afterwards.',
    }),
    batch_size: Type.Optional(
      Type.Integer({
        minimum: limits.migrationBatchFilesMin,
        maximum: limits.migrationBatchFilesMax,
        description: `Files of one step; ${limits.migrationBatchFilesDefault} when nothing is said.`,
      }),
    ),
    concurrency,
    files_per_second: filesPerSecond,
    dry_run: Type.Optional(
      Type.Boolean({ description: 'Everything is done and counted but writing.' }),
    ),
  },
  { ...closed, title: 'MigrationRequest' },
);

export const paceSchema = Type.Object(
  { concurrency, files_per_second: filesPerSecond },
  { ...closed, title: 'MigrationPace' },
);

export const noMembersSchema = Type.Object({}, closed);

/** Of every request with a body. */
export const bodyErrors = [
  'REQUEST_MALFORMED',
  'BODY_INCOMPLETE',
  'REQUEST_INVALID',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'SENDER_TOO_SLOW',
] as const;

const counts = { planned: count, done: count, failed: count, skipped: count };
const shardState = Type.Unsafe<string>({ type: 'string', enum: ['planned', 'running', 'ended'] });

export const migrationSchema = Type.Object(
  {
    ...operationSchema.properties,
    action: Type.Unsafe<string>({ type: 'string', enum: ['migrate', 'retry', 'revert'] }),
    of_run: nullableText,
    source: Type.Unsafe<string>({
      type: 'string',
      enum: ['catalogue', 'named_files', 'failures', 'originals'],
      description:
        'Where the files come from: the catalogue, the ids of the request, the failures of of_run, ' +
        'or the originals that are kept of it.',
    }),
    request: Type.Object({
      source_version: text,
      target_version: text,
      selection: Type.Object({
        element_id: nullableText,
        created_at: Type.Object({ from: nullableText, to: nullableText }),
      }),
      mapping: Type.Record(text, text),
      mapping_policy: text,
      template: nullableText,
      batch_size: count,
    }),
    dry_run: Type.Boolean(),
    concurrency: count,
    files_per_second: Type.Union([Type.Number(), Type.Null()]),
    rate: Type.Union([Type.Number(), Type.Null()], { description: 'Files a second, lately.' }),
    seconds_left: Type.Union([count, Type.Null()], { description: 'Null: nobody can tell.' }),
    skipped: Type.Union([Type.Record(text, count), Type.Null()], {
      description: 'Why files are passed over; null until the run is planned.',
    }),
    dialects: Type.Record(text, count),
    failures: Type.Record(text, count, { description: 'By error code.' }),
    elements: Type.Array(Type.Object({ element_id: text, shards: count, ...counts })),
    shards: Type.Array(
      Type.Object({ shard: count, element_id: text, state: shardState, ...counts }),
    ),
  },
  { title: 'Migration' },
);

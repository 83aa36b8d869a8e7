import { Type } from 'typebox';
import { fileSchema, fileStates, oneOf } from '#api/files/file-schemas.ts';
import { limits } from '#domain/limits.ts';
import { facetNames } from '#domain/ports/file-search.ts';

export const searchEngines = ['auto', 'postgres', 'meilisearch'] as const;
export type SearchEngine = (typeof searchEngines)[number];

const criterion = Type.String({ minLength: 1, maxLength: limits.searchQueryChars });
const instant = Type.String({ format: 'date-time' });
const size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const closed = { additionalProperties: false } as const;

const filtersSchema = Type.Object(
  {
    filename: Type.Optional(
      Type.String({ ...criterion, description: 'Part of the name; no character is special.' }),
    ),
    extension: Type.Optional(
      Type.String({ ...criterion, description: 'With or without its dot, in either case.' }),
    ),
    content_type: Type.Optional(criterion),
    tags: Type.Optional(
      Type.Array(criterion, {
        minItems: 1,
        maxItems: limits.searchFilterItems,
        description: 'All of them.',
      }),
    ),
    username: Type.Optional(criterion),
    size: Type.Optional(
      Type.Object(
        { min: Type.Optional(size), max: Type.Optional(size) },
        { ...closed, minProperties: 1 },
      ),
    ),
    created_at: Type.Optional(
      Type.Object(
        { from: Type.Optional(instant), to: Type.Optional(instant) },
        { ...closed, minProperties: 1, description: 'Both ends belong to it.' },
      ),
    ),
    element_id: Type.Optional(Type.String({ format: 'element-id' })),
    retention_policy: Type.Optional(oneOf(['temporary', 'permanent'])),
    state: Type.Optional(oneOf(fileStates)),
    custom_attributes: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        minProperties: 1,
        maxProperties: limits.searchFilterItems,
        description:
          'Attribute → its value, or conditions that all hold: {"eq": value}, {"in": [values]}, ' +
          '{"gt" | "gte" | "lt" | "lte": number or string}, {"exists": boolean}. A string that is ' +
          'an ISO date is compared with dates, any other with all strings.',
      }),
    ),
  },
  closed,
);

export const searchRequestSchema = Type.Object(
  {
    query: Type.Optional(
      Type.Union([Type.String({ maxLength: limits.searchQueryChars }), Type.Null()]),
    ),
    mode: Type.Optional(oneOf(['fulltext', 'exact', 'partial'])),
    engine: Type.Optional(oneOf(searchEngines)),
    filters: Type.Optional(filtersSchema),
    sort: Type.Optional(
      oneOf(['relevance', 'created_at', 'updated_at', 'file_size', 'original_filename']),
    ),
    order: Type.Optional(oneOf(['asc', 'desc'])),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.searchPageSizeMax })),
    cursor: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    highlight: Type.Optional(Type.Boolean()),
    facets: Type.Optional(
      Type.Array(oneOf(facetNames), { maxItems: limits.facetCount, uniqueItems: true }),
    ),
  },
  { ...closed, title: 'SearchRequest' },
);

const nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const highlight = nullable(
  Type.Record(Type.String(), Type.String(), {
    description: 'Field → HTML with what was found in <em>.',
  }),
);
const engine = oneOf(['postgres', 'meilisearch']);

export const searchAnswerSchema = Type.Object(
  {
    items: Type.Array(Type.Object({ file: fileSchema, score: nullable(Type.Number()), highlight })),
    next_cursor: nullable(Type.String()),
    engine,
    facets: nullable(
      Type.Record(Type.String(), Type.Record(Type.String(), Type.Integer()), {
        description: 'Facet → value → count, over the newest matches.',
      }),
    ),
    is_cut: Type.Boolean({
      description: `There were more matches than the ${limits.searchCandidates} newest that were ranked.`,
    }),
  },
  { title: 'SearchAnswer' },
);

export const suggestQuery = Type.Object(
  {
    q: Type.String({ minLength: 1, maxLength: limits.searchQueryChars }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.suggestItems })),
  },
  closed,
);

export const suggestAnswerSchema = Type.Object(
  {
    items: Type.Array(
      Type.Object({ file_id: Type.String(), original_filename: Type.String(), highlight }),
    ),
    engine,
  },
  { title: 'Suggestions' },
);

export const searchStatusSchema = Type.Object(
  {
    available: Type.Boolean({ description: 'Whether the search index answers.' }),
    catalogue_files: Type.Integer(),
    index_documents: nullable(Type.Integer()),
    drift: nullable(
      Type.Integer({ description: 'Documents of the index less files of the catalogue.' }),
    ),
    lag: Type.Object({ events: Type.Integer(), age_ms: Type.Integer() }),
  },
  { title: 'SearchStatus' },
);

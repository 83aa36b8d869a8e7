/** What stands under a keyword, and where a subschema under it is applied. */
export type KeywordRule =
  /** Says something to people; has no effect. */
  | { readonly kind: 'annotation' }
  /** The same, and may stand at the root only. */
  | { readonly kind: 'heading' }
  /** A plain value. */
  | { readonly kind: 'value' }
  | {
      readonly kind: 'schema' | 'list' | 'map';
      /** To the value itself, to parts of it, or nowhere until something refers to it. */
      readonly applies: 'here' | 'inside' | 'nowhere';
    };

const annotations = [
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
];
const headings = ['$schema', '$id'];
const values = [
  '$ref',
  'type',
  'enum',
  'const',
  'multipleOf',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'format',
  'maxItems',
  'minItems',
  'uniqueItems',
  'maxContains',
  'minContains',
  'maxProperties',
  'minProperties',
  'required',
  'dependentRequired',
];

const rules = new Map<string, KeywordRule>([
  ...annotations.map((name) => [name, { kind: 'annotation' }] as const),
  ...headings.map((name) => [name, { kind: 'heading' }] as const),
  ...values.map((name) => [name, { kind: 'value' }] as const),
  ['$defs', { kind: 'map', applies: 'nowhere' }],
  ['allOf', { kind: 'list', applies: 'here' }],
  ['anyOf', { kind: 'list', applies: 'here' }],
  ['oneOf', { kind: 'list', applies: 'here' }],
  ['not', { kind: 'schema', applies: 'here' }],
  ['if', { kind: 'schema', applies: 'here' }],
  ['then', { kind: 'schema', applies: 'here' }],
  ['else', { kind: 'schema', applies: 'here' }],
  ['dependentSchemas', { kind: 'map', applies: 'here' }],
  ['properties', { kind: 'map', applies: 'inside' }],
  ['patternProperties', { kind: 'map', applies: 'inside' }],
  ['additionalProperties', { kind: 'schema', applies: 'inside' }],
  ['propertyNames', { kind: 'schema', applies: 'inside' }],
  ['prefixItems', { kind: 'list', applies: 'inside' }],
  ['items', { kind: 'schema', applies: 'inside' }],
  ['contains', { kind: 'schema', applies: 'inside' }],
]);

/**
 * JSON Schema 2020-12 without what reaches beyond the document or changes its own meaning on the
 * way: no anchors, no `$dynamicRef`, no vocabularies; and without `unevaluatedProperties` and
 * `unevaluatedItems`, of which the compiler makes wrong verdicts. Undefined: not a keyword of
 * templates.
 */
export function keywordRuleOf(keyword: string): KeywordRule | undefined {
  return rules.get(keyword);
}

/** Asserted, not only noted: a date must be one. */
export const templateFormats = [
  'date-time',
  'date',
  'time',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uuid',
] as const;
export type TemplateFormat = (typeof templateFormats)[number];

export const templateDialect = 'https://json-schema.org/draft/2020-12/schema';

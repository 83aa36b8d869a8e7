import test from 'ava';
import fc from 'fast-check';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { isJsonObject, parseStrictJson } from '#domain/strict-json.ts';
import { costKeyword, examineTemplate } from '#domain/templates/examine-template.ts';
import { templateFormats } from '#domain/templates/template-keywords.ts';

const objectOf = <Value>(count: number, valueOf: (index: number) => Value) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, valueOf(index)]));
const nested = (levels: number): JsonObject =>
  levels === 0 ? { type: 'string' } : { not: nested(levels - 1) };
const parse = (text: string) => parseStrictJson(text) as JsonObject;

const pointersOf = (schema: JsonObject) =>
  examineTemplate(schema).faults.map(({ pointer }) => pointer);

test('a schema with every keyword has no fault', (t) => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://example.com/contract',
    $comment: 'c',
    title: 't',
    description: 'd',
    default: {},
    examples: [{ $ref: 'http://example.com' }],
    deprecated: false,
    readOnly: false,
    writeOnly: false,
    type: ['object', 'null'],
    enum: [{}],
    const: {},
    required: ['a'],
    dependentRequired: { a: ['b'] },
    dependentSchemas: { a: true },
    minProperties: 0,
    maxProperties: 9,
    propertyNames: { pattern: '^[a-z]+$', minLength: 1, maxLength: 9 },
    properties: {
      n: { multipleOf: 0.01, minimum: 0, maximum: 9, exclusiveMinimum: -1, exclusiveMaximum: 10 },
      s: { format: 'date', contentEncoding: 'base64', contentMediaType: 'text/plain' },
      l: {
        prefixItems: [true],
        items: false,
        contains: { $ref: '#/$defs/d%20e' },
        minContains: 0,
        maxContains: 3,
        minItems: 0,
        maxItems: 9,
        uniqueItems: true,
      },
      t: { $ref: '#' },
    },
    patternProperties: { '^x-': { $ref: '#/properties/n' } },
    additionalProperties: false,
    allOf: [true],
    anyOf: [{}],
    oneOf: [{}],
    not: false,
    if: true,
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: true,
    else: true,
    $defs: { 'd e': { type: 'string' } },
  };
  t.deepEqual(examineTemplate(schema).faults, []);
});

for (const format of templateFormats) {
  test(`the format ${format} is known`, (t) => t.deepEqual(pointersOf({ format }), []));
}

for (const [title, schema, pointers] of [
  ['a keyword that nobody knows', { colour: 1 }, ['/colour']],
  ['a keyword of OpenAPI', { properties: { a: { nullable: true } } }, ['/properties/a/nullable']],
  ['asynchronous validation', { $async: true }, ['/$async']],
  ['a value taken from the data', { const: { $data: '1/a' }, $data: '#' }, ['/$data']],
  [
    'a keyword of older drafts',
    { definitions: {}, dependencies: {} },
    ['/definitions', '/dependencies'],
  ],
  ['our own keyword', { [costKeyword]: 0 }, ['/artstore:cost']],
  [
    'what the compiler does not do right',
    { unevaluatedItems: false, unevaluatedProperties: false },
    ['/unevaluatedItems', '/unevaluatedProperties'],
  ],
  [
    'an anchor',
    { $anchor: 'a', $dynamicAnchor: 'b', $dynamicRef: '#b' },
    ['/$anchor', '/$dynamicAnchor', '/$dynamicRef'],
  ],
  ['another dialect', { $schema: 'http://json-schema.org/draft-07/schema#' }, ['/$schema']],
  ['an id within', { items: { $id: 'x', $schema: 'y' } }, ['/items/$id', '/items/$schema']],
  ['a remote reference', { $ref: 'https://example.com/a.json' }, ['/$ref']],
  ['a reference to a neighbour', { $ref: 'other.json#/a' }, ['/$ref']],
  ['a reference to an anchor', { $ref: '#a' }, ['/$ref']],
  ['a reference to nothing', { items: { $ref: '#/$defs/a' } }, ['/items/$ref']],
  ['a reference to what is no schema', { $ref: '#/enum/0', enum: [{}] }, ['/$ref']],
  [
    'a reference to a keyword of maps',
    { items: { $ref: '#/properties' }, properties: {} },
    ['/items/$ref'],
  ],
  ['a reference that cannot be decoded', { $ref: '#/%E0%A4%A' }, ['/$ref']],
  ['a reference to itself', { $ref: '#' }, ['']],
  [
    'a circle on the same value',
    { allOf: [{ $ref: '#/$defs/a' }], $defs: { a: { not: { $ref: '#' } } } },
    ['/$defs/a/not'],
  ],
  ['a format that is not known', { format: 'regex' }, ['/format']],
  [
    'a broken regular expression',
    { pattern: '[', patternProperties: { '(': true } },
    ['/pattern', '/patternProperties/('],
  ],
  ['an escape that Unicode patterns do not have', { pattern: '\\-' }, ['/pattern']],
  ['half of a surrogate pair by number', { pattern: '^\\uD83D\\uDE00$' }, ['/pattern']],
  ['a reference back to a group', { pattern: '(?<n>a)\\\\\\k<n>' }, ['/pattern']],
  ['flags within a regular expression', { pattern: '(?i:a)' }, ['/pattern']],
  ['half of a surrogate pair', { title: '\ud800' }, ['/title']],
  [
    'a name of the prototype',
    parse('{"properties":{"__proto__":true}}'),
    ['/properties/__proto__'],
  ],
  [
    'a name of the prototype in a value',
    parse('{"enum":[{"__proto__":1}]}'),
    ['/enum/0/__proto__'],
  ],
  ['a number beyond all', parse('{"maximum":1e400}'), ['/maximum']],
] as const) {
  test(`refused with its pointer: ${title}`, (t) => {
    t.deepEqual(
      pointersOf(schema as unknown as JsonObject),
      pointers.map((pointer) => `/schema${pointer}`),
    );
  });
}

/** Each at its limit, and one step beyond it. */
for (const [title, schemaOf, limit] of [
  ['bytes', (size: number) => ({ title: 'я'.repeat((size - 12) / 2) }), limits.templateSizeBytes],
  [
    'values',
    (count: number) => ({ enum: Array.from({ length: count - 2 }, () => 1) }),
    limits.templateNodes,
  ],
  [
    'subschemas',
    (count: number) => ({ properties: objectOf(count - 1, () => ({})) }),
    limits.templateSubschemas,
  ],
  ['levels', nested, limits.templateDepth],
  [
    'patterns',
    (count: number) => ({ properties: objectOf(count, (index) => ({ pattern: `${index}` })) }),
    limits.templatePatterns,
  ],
  [
    'characters of patterns',
    (count: number) => ({ pattern: 'a'.repeat(count) }),
    limits.templatePatternChars,
  ],
  [
    'references',
    (count: number) => ({
      items: {
        anyOf: Object.keys(objectOf(count, () => 0)).map((name) => ({ $ref: `#/$defs/${name}` })),
      },
      $defs: objectOf(count, () => ({})),
    }),
    limits.templateReferences,
  ],
  ['types', (count: number) => ({ type: Array.from({ length: count }, () => 'null') }), 7],
] as const) {
  test(`bounded: ${title}`, (t) => {
    const step = title === 'bytes' ? 2 : 1;
    const most = examineTemplate(schemaOf(limit));
    t.deepEqual(most.faults, []);
    t.true(most.isBounded);
    const more = examineTemplate(schemaOf(limit + step));
    t.is(more.faults.length, 1);
    t.false(more.isBounded);
  });
}

test('what is prepared has a cost in every subschema and one form of each reference', (t) => {
  const { prepared } = examineTemplate({
    title: 'dropped',
    properties: { a: { $ref: '#/$defs/x%79' }, b: { $ref: '#/%24defs/xy' } },
    $defs: { xy: { uniqueItems: true, enum: [[], [1, 2]] } },
  });
  t.deepEqual(prepared, {
    [costKeyword]: 4,
    properties: {
      a: { [costKeyword]: 2, $ref: '#/%24defs/xy' },
      b: { [costKeyword]: 2, $ref: '#/%24defs/xy' },
    },
    $defs: {
      xy: {
        [costKeyword]: 7,
        uniqueItems: true,
        enum: [[], [1, 2]],
      },
    },
  });
});

test('whatever is sent is examined to its end, and is not changed by it', (t) => {
  const keyword = fc.constantFrom(
    'properties',
    '$ref',
    'allOf',
    'items',
    'type',
    '$defs',
    'pattern',
  );
  const { tree } = fc.letrec<{ tree: unknown; leaf: unknown }>((tie) => ({
    leaf: fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant('#'), fc.constant('#/items')),
    tree: fc.oneof(
      { maxDepth: 5 },
      tie('leaf'),
      fc.dictionary(keyword, tie('tree'), { maxKeys: 4 }),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (schema) => {
      fc.pre(isJsonObject(schema as JsonObject));
      const before = JSON.stringify(schema);
      const { faults, isBounded } = examineTemplate(schema as JsonObject);
      t.is(JSON.stringify(schema), before);
      t.true(isBounded || faults.length > 0);
      t.true(faults.every(({ pointer }) => pointer.startsWith('/schema')));
    }),
  );
});

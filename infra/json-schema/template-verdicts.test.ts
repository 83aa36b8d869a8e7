import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { isDomainError } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { compileTemplate } from '#infra/json-schema/template-compiler.ts';
import { isValid } from '#test/support/independent-json-schema.ts';

/** Small schemas of every kind of keyword, on small values of few names. */
const name = fc.constantFrom('a', 'b', 'c');
const scalar = fc.constantFrom<unknown>(null, true, 0, 1, 2.5, '', 'a', 'ab');
const { value, schema } = fc.letrec<{ value: unknown; schema: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.boolean(),
    fc.record(
      {
        type: fc.constantFrom('object', 'array', 'string', 'integer', 'null'),
        enum: fc.array(scalar, { minLength: 1, maxLength: 3 }),
        minLength: fc.nat(2),
        maximum: fc.nat(2),
        pattern: fc.constantFrom('^a', 'b$'),
        required: fc.uniqueArray(name),
        uniqueItems: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    fc.record(
      {
        properties: fc.dictionary(name, tie('schema'), { maxKeys: 3 }),
        patternProperties: fc.dictionary(fc.constantFrom('^a', 'b'), tie('schema'), { maxKeys: 2 }),
        additionalProperties: tie('schema'),
        propertyNames: tie('schema'),
        items: tie('schema'),
        prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
        contains: tie('schema'),
        dependentSchemas: fc.dictionary(name, tie('schema'), { maxKeys: 2 }),
      },
      { requiredKeys: [] },
    ),
    fc.record(
      {
        allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
        anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
        oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
        not: tie('schema'),
        if: tie('schema'),
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
        then: tie('schema'),
        else: tie('schema'),
        $ref: fc.constantFrom('#/$defs/d', '#/$defs/e'),
        properties: fc.dictionary(name, tie('schema'), { maxKeys: 2 }),
      },
      { requiredKeys: [] },
    ),
  ),
}));

const $defs = {
  d: { type: ['string', 'object', 'null'], properties: { a: true } },
  e: { anyOf: [{ properties: { b: { type: 'string' } } }, { required: ['c'] }] },
};
const attributes = fc.dictionary(name, value, { maxKeys: 3 });

function agrees(t: ExecutionContext, schema: object, value: object): void {
  const root = plain(schema);
  const sent = plain(value);
  const faults = compileTemplate(root).check(sent);
  t.is(faults.length === 0, isValid(root, sent), JSON.stringify({ root, sent }));
}

test('every verdict is that of the specification', (t) => {
  fc.assert(
    fc.property(schema, schema, attributes, (one, other, sent) => {
      agrees(t, { properties: { a: one }, additionalProperties: one, allOf: [other], $defs }, sent);
    }),
    { numRuns: 300 },
  );
});

/** As it comes over a wire: no objects of a strange prototype. */
function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

test('whatever is sent as a schema is refused or compiled, and checks to its end', (t) => {
  const word = fc.constantFrom(
    'properties',
    '$ref',
    'allOf',
    'anyOf',
    'items',
    'type',
    'enum',
    'pattern',
    'required',
    '$defs',
    '__proto__',
    'not',
    'if',
    'const',
    'format',
    'uniqueItems',
    '$id',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(
        '#',
        '#/items',
        'object',
        '(a+)+$',
        true,
        3,
        null,
        '$data',
        '#/$defs/not',
      ),
      fc.dictionary(word, tie('tree'), { maxKeys: 4 }),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(
      fc.dictionary(word, tree, { maxKeys: 5 }),
      fc.dictionary(name, fc.jsonValue(), { maxKeys: 3 }),
      (schema, attributes) => {
        try {
          const faults = compileTemplate(schema as JsonObject).check(attributes);
          t.true(faults.every(({ pointer }) => pointer.startsWith('/custom_attributes')));
        } catch (error) {
          t.true(isDomainError(error, 'TEMPLATE_INVALID'), String((error as Error).stack));
        }
      },
    ),
    { numRuns: 500 },
  );
});

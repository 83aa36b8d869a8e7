import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { parseStrictJson } from '#domain/strict-json.ts';
import { compileTemplate } from '#infra/json-schema/template-compiler.ts';

const parse = (text: string) => parseStrictJson(text) as JsonObject;

function check(schema: object, value: object): readonly string[] {
  return compileTemplate(schema as JsonObject)
    .check(value as JsonObject)
    .map(({ pointer, message }) => `${pointer}: ${message}`);
}

function refusal(schema: object): readonly string[] {
  try {
    compileTemplate(schema as JsonObject);
    return [];
  } catch (error) {
    if (!isDomainError(error, 'TEMPLATE_INVALID')) throw error;
    return (error.details.faults ?? []).map(({ pointer }) => pointer);
  }
}

test('all faults of a value at once, each with its pointer', (t) => {
  const schema = {
    type: 'object',
    properties: {
      number: { type: 'string', pattern: '^\\d+$', maxLength: 3 },
      'a/b': { enum: ['x', 'y'] },
      parties: {
        type: 'array',
        items: { type: 'object', required: ['name'], properties: { role: { const: 'buyer' } } },
      },
    },
    required: ['number', 'signed'],
    dependentRequired: { number: ['series'] },
    propertyNames: { maxLength: 10 },
    additionalProperties: false,
  };
  const value = {
    number: 'abcd',
    'a/b': 'z',
    parties: [{ name: 1 }, { role: 'x' }, 3],
    'a~long~name': 1,
  };
  t.deepEqual(check(schema, value).toSorted(), [
    '/custom_attributes/a~0long~0name: as a name, must NOT have more than 10 characters',
    '/custom_attributes/a~0long~0name: is not allowed',
    '/custom_attributes/a~1b: must be one of ["x","y"]',
    '/custom_attributes/number: must NOT have more than 3 characters',
    '/custom_attributes/number: must match pattern "^\\d+$"',
    '/custom_attributes/parties/1/name: is required',
    '/custom_attributes/parties/1/role: must be "buyer"',
    '/custom_attributes/parties/2: must be object',
    '/custom_attributes/series: is required beside "number"',
    '/custom_attributes/signed: is required',
  ]);
});

test('all faults of a schema at once: shape, keywords, references, regular expressions', (t) => {
  const schema = {
    colour: 1,
    required: 'a',
    properties: {
      a: { type: 'strin' },
      b: { $ref: 'http://example.com/' },
      c: { pattern: '(?=a)' },
      d: 7,
    },
    patternProperties: { '(a)\\1': true },
  };
  t.deepEqual(
    [...new Set(refusal(schema))].toSorted(),
    [
      '/schema/colour',
      '/schema/patternProperties/(a)\\1',
      '/schema/properties/a/type',
      '/schema/properties/b/$ref',
      '/schema/properties/c/pattern',
      '/schema/properties/d',
      '/schema/required',
    ].toSorted(),
  );
});

test('what stands where a schema must stand is named itself', (t) => {
  const schema = { allOf: [7], not: 'x', items: { anyOf: [] }, else: [] };
  t.deepEqual([...new Set(refusal(schema))].toSorted(), [
    '/schema/allOf/0',
    '/schema/else',
    '/schema/items/anyOf',
    '/schema/not',
  ]);
});

test('a list of faults has an end', (t) => {
  const required = Array.from({ length: 500 }, (_, index) => `k${index}`);
  t.is(check({ required }, {}).length, limits.templateFaults);
  t.is(
    refusal(Object.fromEntries(required.map((name) => [name, 1]))).length,
    limits.templateFaults,
  );
});

test('items are equal by their values, whatever they are called', (t) => {
  const template = compileTemplate({ properties: { a: { uniqueItems: true } } });
  const different = Array.from({ length: 3000 }, (_, index) => index);
  t.deepEqual(template.check({ a: different }), []);
  t.is(template.check({ a: [...different, 7] }).length, 1);
  t.is(template.check(parse('{"a":[{"x":1,"y":2},{"y":2.0,"x":1}]}')).length, 1);
  const names = '{"valueOf":1,"toString":2,"constructor":3,"__proto__":4}';
  t.is(template.check(parse(`{"a":[${names},${names}]}`)).length, 1);
  t.deepEqual(template.check(parse(`{"a":[${names},{"valueOf":1}]}`)), []);
  const listed = { properties: { a: { enum: [{ valueOf: 1 }, null, 1.5] } } };
  t.deepEqual(check(listed, { a: { valueOf: 1 } }), []);
  t.is(check(listed, { a: {} }).length, 1);
});

test('only what was sent counts: nothing is inherited', (t) => {
  const schema = {
    properties: { constructor: { type: 'string' }, toString: false },
    required: ['valueOf'],
  };
  t.deepEqual(check(schema, {}), ['/custom_attributes/valueOf: is required']);
  const value = parse('{"__proto__":{"admin":true},"valueOf":1}');
  t.deepEqual(check({ additionalProperties: false }, value).toSorted(), [
    '/custom_attributes/__proto__: is not allowed',
    '/custom_attributes/valueOf: is not allowed',
  ]);
  t.deepEqual(check({ maxProperties: 1 }, value).length, 1);
  t.false('admin' in {});
});

const hostileTexts = [
  '"];process.exit(1);//',
  "'+process.exit(1)+'",
  '`${process.exit(1)}`',
  '*/process.exit(1)/*',
  '\u2028process.exit(1)\u2029',
  '\\"+process.exit(1)+"',
  'a\nprocess.exit(1)\n',
  '</script>',
];

test('texts of a schema stay texts in the code that is made of it', (t) => {
  for (const text of hostileTexts) {
    const schema = {
      title: text,
      properties: { [text]: { const: text }, e: { enum: [text, { [text]: text }] } },
      patternProperties: {
        '^x': {
          $ref: `#/$defs/${encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'))}`,
        },
      },
      required: [text],
      dependentRequired: { [text]: [text] },
      dependentSchemas: { [text]: { required: [text] } },
      $defs: { [text]: { const: text } },
    };
    t.deepEqual(check(schema, { [text]: text, e: { [text]: text }, x: text }), [], text);
    t.true(check(schema, { [text]: 'other', x: 'other' }).length >= 2, text);
  }
});

test('ids and references in values are values', (t) => {
  const value = { $id: 'http://example.com/', $ref: '#nowhere', $anchor: 'a', $async: true };
  t.deepEqual(
    check(
      { properties: { a: { const: value }, $id: { enum: [value] } }, default: value },
      { a: value, $id: value },
    ),
    [],
  );
});

test('templates do not see each other', (t) => {
  const one = { $id: 'https://example.com/t', properties: { a: { type: 'string' } } };
  const two = { $id: 'https://example.com/t', properties: { a: { type: 'number' } } };
  const templates = [compileTemplate(one), compileTemplate(two)];
  t.deepEqual(
    templates.map((template) => template.check({ a: 1 }).length),
    [1, 0],
  );
});

test('numbers of any number of digits are numbers', (t) => {
  const schema = {
    properties: { n: { type: 'integer', minimum: 5 }, d: { multipleOf: 0.01 }, c: { const: 1.1 } },
  };
  t.deepEqual(check(schema, parse('{"n":12345678901234567890,"d":0.07,"c":1.10}')), []);
  t.is(check(schema, parse('{"n":1.50,"d":0.071,"c":1.11}')).length, 4);
});

for (const [format, good, bad] of [
  [
    'date-time',
    ['2026-01-13T08:17:28Z', '2026-01-13T08:17:28.5+03:00'],
    ['2026-01-13T08:17:28', '2026-02-31T08:00:00Z', '2026-01-13'],
  ],
  ['date', ['2024-02-29'], ['2023-02-29', '2024-2-9', '2024-02-29Z']],
  ['time', ['08:17:28Z', '08:17:28+03:00'], ['08:17:28', '25:00:00Z']],
  [
    'email',
    ['a.b+c@example.com'],
    ['a@', '@b.c', 'a..b@c.d', '.a@b.c', 'a b@c.d', `a@${'b.'.repeat(2000)}c`],
  ],
  ['hostname', ['example.com', 'xn--e1afmkfd'], ['-a.b', 'a_b', 'a..b', '', 'a'.repeat(64)]],
  ['ipv4', ['10.0.0.1'], ['10.0.0.256', '1.2.3']],
  ['ipv6', ['::1', '2001:db8::1'], [':::', 'fe80::1%eth0']],
  [
    'uri',
    ['https://example.com/a?b#c', 'urn:isbn:1'],
    ['/relative', 'no scheme', 'http://', 'http://a b'],
  ],
  ['uuid', ['A1B2C3D4-E5F6-7890-ABCD-EF1234567890'], ['a1b2c3d4e5f67890abcdef1234567890']],
] as const) {
  test(`format ${format}`, (t) => {
    const template = compileTemplate({ additionalProperties: { format } });
    for (const text of good) t.deepEqual(template.check({ a: text }), [], text);
    for (const text of bad) t.is(template.check({ a: text }).length, 1, text);
    t.deepEqual(template.check({ a: 1 }), []);
  });
}

test('what regular expressions have read is counted until they forget it', (t) => {
  const template = compileTemplate({
    properties: { a: { pattern: '^x' } },
    patternProperties: { '^a': true },
    additionalProperties: false,
  });
  const read = () => {
    t.is(template.check({ a: 'y'.repeat(100) }).length, 1);
    return template.patternChars;
  };
  const once = read();
  t.true(once >= 100);
  t.is(read(), 2 * once);
  template.forgetTexts();
  t.is(template.patternChars, 0);
  t.is(read(), once);
});

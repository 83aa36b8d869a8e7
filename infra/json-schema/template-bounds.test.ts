import test from 'ava';
import type { JsonObject } from '#domain/json.ts';
import { compileTemplate } from '#infra/json-schema/template-compiler.ts';

const spent = ['/custom_attributes: take more work to check than a check may take'];
const fanOut = (keyword: string) => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries([
    ...Array.from({ length: 40 }, (_, index) => {
      const next = { $ref: `#/$defs/d${index + 1}` };
      return [`d${index}`, { [keyword]: [next, next] }] as const;
    }),
    ['d40', { required: ['never'] }],
  ]),
});
const deepValue = (levels: number): object => (levels === 0 ? {} : { a: deepValue(levels - 1) });

for (const [title, schema, value] of [
  ['branches that double at every step (allOf)', fanOut('allOf'), {}],
  ['branches that double at every step (anyOf)', fanOut('anyOf'), {}],
  ['branches that double at every step (oneOf)', fanOut('oneOf'), {}],
  [
    'branches that double at every level of the value',
    { properties: { a: { allOf: [{ $ref: '#' }, { $ref: '#' }] } } },
    deepValue(60),
  ],
  [
    'many faults in many branches',
    {
      anyOf: Array.from({ length: 200 }, () => ({ $ref: '#/$defs/r' })),
      $defs: { r: { required: Array.from({ length: 2000 }, (_, index) => `k${index}`) } },
    },
    {},
  ],
  [
    'large regular expressions over a long text',
    {
      properties: {
        a: {
          allOf: Array.from({ length: 40 }, (_, index) => ({
            pattern: `^(?:.|x${index}){0,100}$`,
          })),
        },
      },
    },
    { a: 'b'.repeat(3900) },
  ],
  [
    'every name against every regular expression',
    {
      patternProperties: Object.fromEntries(
        Array.from({ length: 50 }, (_, index) => [`^.{1,100}${index}$`, { type: 'number' }]),
      ),
    },
    Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`${index}`, 1])),
  ],
] as const) {
  test(`ends, with the same verdict every time: ${title}`, (t) => {
    const template = compileTemplate(schema);
    for (let turn = 0; turn < 2; turn += 1) {
      const faults = template.check(value as unknown as JsonObject);
      t.deepEqual(
        faults.map(({ pointer, message }) => `${pointer}: ${message}`),
        spent,
      );
    }
  });
}

test('a check that was broken off does not change the next', (t) => {
  const template = compileTemplate({
    properties: { a: { allOf: [{ $ref: '#' }, { $ref: '#' }] }, n: { type: 'null' } },
  });
  t.is(template.check(deepValue(60) as JsonObject).length, 1);
  t.deepEqual(template.check({ n: null, a: { n: null } }), []);
  t.deepEqual(template.check({ n: 1 }), [
    { pointer: '/custom_attributes/n', message: 'must be null' },
  ]);
});

test('the largest honest value is checked against a broad template', (t) => {
  const item = {
    type: 'object',
    properties: {
      name: { type: 'string', pattern: '^.{1,100}$' },
      role: { enum: ['buyer', 'seller'] },
    },
    required: ['name', 'role'],
    additionalProperties: false,
  };
  const schema = {
    properties: {
      parties: {
        type: 'array',
        items: {
          oneOf: Array.from({ length: 3 }, (_, index) => ({
            ...item,
            minProperties: index === 0 ? 0 : 3,
          })),
        },
      },
      text: { type: 'string', format: 'date' },
    },
  };
  const parties = Array.from({ length: 60 }, (_, index) => ({
    name: `ООО Ромашка ${index}`,
    role: 'buyer',
  }));
  t.true(Buffer.byteLength(JSON.stringify({ parties })) > 3000);
  t.deepEqual(compileTemplate(schema).check({ parties }), []);
});

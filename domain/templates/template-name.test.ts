import test from 'ava';
import fc from 'fast-check';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import {
  formatTemplateReference,
  parseTemplateReference,
  templateIdOf,
} from '#domain/templates/template-name.ts';

for (const [text, expected] of [
  ['contract', { name: 'contract', version: null }],
  ['contract@3', { name: 'contract', version: 3 }],
  ['0.a_b-c@999999999', { name: '0.a_b-c', version: 999_999_999 }],
  ['a'.repeat(64), { name: 'a'.repeat(64), version: null }],
  ['a'.repeat(65), null],
  ['', null],
  ['@1', null],
  ['contract@', null],
  ['contract@0', null],
  ['contract@01', null],
  ['contract@1.0', null],
  ['contract@1@2', null],
  ['contract@1000000000', null],
  ['Contract', null],
  ['договор', null],
  ['.hidden', null],
  ['-x', null],
  ['a/b', null],
  ['a\n', null],
  ['a@1\n', null],
] as const) {
  test(`${JSON.stringify(text)} is read as ${JSON.stringify(expected)}`, (t) => {
    t.deepEqual(parseTemplateReference(text), expected);
  });
}

const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/);
const version = fc.integer({ min: 1, max: 999_999_999 });

test('what is written is read back, and has the shape that sidecars know', (t) => {
  fc.assert(
    fc.property(name, fc.option(version), (name, version) => {
      const text = formatTemplateReference({ name, version });
      t.deepEqual(parseTemplateReference(text), { name, version });
    }),
  );
  fc.assert(
    fc.property(name, version, (name, version) => {
      const template = templateIdOf({ name, version });
      t.is(extensionsOf({ template } as never).template, template);
    }),
  );
});

import test from 'ava';
import * as fc from 'fast-check';

import { isDomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import {
  isJsonObject,
  numberOf,
  parseOwnJson,
  parseStrictJson,
  parseStrictJsonBytes,
} from '#domain/strict-json.ts';

function isRefused(text: string): boolean {
  try {
    parseStrictJson(text);
    return false;
  } catch (error) {
    if (!isDomainError(error, 'ATTRIBUTES_MALFORMED')) throw error;
    return true;
  }
}

const refused: Record<string, string> = {
  empty: '',
  'only white space': ' \n',
  'byte-order mark': '\uFEFF{}',
  'duplicate key': '{"a":1,"b":2,"a":1}',
  'duplicate key, one escaped': '{"a":1,"\\u0061":2}',
  'duplicate __proto__': '{"__proto__":1,"__proto__":2}',
  'duplicate key deep inside': '[{"x":{"a":1,"a":1}}]',
  NaN: '[NaN]',
  Infinity: '[-Infinity]',
  'text after the value': '{} x',
  'two values': '1 2',
  'cut object': '{"a":1',
  'cut string': '"abc',
  'cut escape': '"\\u12"',
  'unknown escape': '"\\x41"',
  'control character in a string': '"a\tb"',
  'comma at the end of an array': '[1,]',
  'comma at the end of an object': '{"a":1,}',
  'missing comma': '[1 2]',
  'key without quotes': '{a:1}',
  'single quotes': "{'a':1}",
  comment: '/* */ 1',
  'leading zero': '01',
  'plus sign': '+1',
  'point without digits': '1.',
  hexadecimal: '0x10',
  'no-break space between': '[1,\u00A02]',
  'word that starts well': 'nul',
  'word that goes on': 'trueish',
};

for (const [name, text] of Object.entries(refused)) {
  test(`refuses: ${name}`, (t) => t.true(isRefused(text)));
}

test('takes nesting as deep as the limit and not deeper', (t) => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  t.false(isRefused(nested(limits.jsonDepth)));
  t.true(isRefused(nested(limits.jsonDepth + 1)));
  t.true(isRefused('{"a":'.repeat(100_000)), 'without an overflow of the stack');
});

test('keeps the digits of numbers that JavaScript would change', (t) => {
  const text =
    '[9007199254740993,-12345678901234567890,1.10,1e5,1E+400,-0,0.1000000000000000000001,5e-324]';
  t.is(JSON.stringify(parseStrictJson(text)), text);
});

test('gives plain numbers where nothing is lost', (t) => {
  t.deepEqual(
    parseStrictJson('[0,-1,0.1,9007199254740991,1e+21]'),
    [0, -1, 0.1, 9007199254740991, 1e21],
  );
});

test('a raw number is neither an object nor lost as a number', (t) => {
  const raw = parseStrictJson('1.50');
  t.false(isJsonObject(raw));
  t.is(numberOf(raw), 1.5);
  t.is(numberOf(2), 2);
  t.is(numberOf('3'), null);
});

test('keys of the prototype are members like others', (t) => {
  const text = '{"__proto__":{"polluted":true},"constructor":1,"toString":null}';
  const value = parseStrictJson(text);
  t.true(isJsonObject(value));
  t.is(JSON.stringify(value), text);
  t.is(Object.getPrototypeOf(value), Object.prototype);
  t.false('polluted' in Object(value));
});

test('bytes that are not UTF-8 are refused, and a byte-order mark in them', (t) => {
  const utf8 = new TextEncoder().encode('{"имя":"файл 📄"}');
  t.deepEqual(parseStrictJsonBytes(utf8), { имя: 'файл 📄' });
  for (const bytes of [
    [0x22, 0xe4, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22], // half of a surrogate pair
    [0x22, 0xc0, 0x80, 0x22], // NUL in two bytes
    [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
  ]) {
    t.throws(() => parseStrictJsonBytes(Uint8Array.from(bytes)), { code: 'ATTRIBUTES_MALFORMED' });
  }
});

test('a string of a million characters and escapes is read', (t) => {
  const text = JSON.stringify('a\n'.repeat(500_000));
  t.is(parseStrictJson(text), 'a\n'.repeat(500_000));
});

test('agrees with JSON.parse about every JSON text, whatever the white space', (t) => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6 }),
      fc.constantFrom(0, 1, '\t', '\r\n '),
      (value, space) => {
        // `JSON.stringify` cuts the space to ten characters and does not check that it is space.
        const text = JSON.stringify(value, null, space);
        t.is(JSON.stringify(parseStrictJson(text)), JSON.stringify(JSON.parse(text)));
      },
    ),
    { numRuns: 300 },
  );
});

test('agrees with JSON.parse about what is no JSON', (t) => {
  const mutated = fc
    .tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom('', '"', '{', ']', ',', ':', '0', '-', '.', 'e', '\\', '\u0001', ' ', 'n'),
    )
    .map(([text, at, piece]) => {
      const position = at % (text.length + 1);
      return text.slice(0, position) + piece + text.slice(position + 1);
    });
  fc.assert(
    fc.property(mutated, (text) => {
      const ours = isRefused(text);
      let native = false;
      try {
        JSON.parse(text);
      } catch {
        native = true;
      }
      // Stricter is allowed only for what JSON.parse would drop in silence.
      if (ours !== native) t.true(hasDuplicate(text), text);
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

function hasDuplicate(text: string): boolean {
  try {
    parseStrictJson(text);
    return false;
  } catch (error) {
    return error instanceof Error && error.message.endsWith('stands twice.');
  }
}

for (const number of ['-0', '9007199254740993', '-1.10', '1e5', '1E5', '0.0', '12.5E-3']) {
  test(`the fast way keeps the digits of ${number} wherever it stands`, (t) => {
    for (const text of [number, `[${number}]`, `["a",${number}]`, `{"a":${number}}`]) {
      t.is(JSON.stringify(parseOwnJson(text)), text);
    }
    t.is(JSON.stringify(parseOwnJson(`{\n"a":1,\n"b": [ ${number} ]}`)), `{"a":1,"b":[${number}]}`);
  });
}

test('the fast way gives the same value for text that we wrote', (t) => {
  const raw = fc
    .tuple(fc.bigInt(), fc.constantFrom('', '.50', 'e7', '.25E-3'))
    .map(([whole, rest]) => parseStrictJson(`${whole}${rest}`));
  const value = fc.dictionary(fc.string(), fc.oneof(raw, fc.jsonValue(), fc.array(raw)));
  fc.assert(
    fc.property(value, (members) => {
      const text = JSON.stringify(members);
      t.is(JSON.stringify(parseOwnJson(text)), text);
      t.is(JSON.stringify(parseStrictJson(text)), text);
    }),
    { numRuns: 500 },
  );
});

test('the fast way refuses what is no JSON', (t) => {
  t.throws(() => parseOwnJson('{"a":'), { code: 'ATTRIBUTES_MALFORMED' });
});

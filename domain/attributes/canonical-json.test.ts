import test from 'ava';

import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import { parseStrictJson } from '#domain/strict-json.ts';

const canonicalize = (text: string) => canonicalizeJson(parseStrictJson(text));

test('keys are sorted by UTF-16 code units, as RFC 8785 shows', (t) => {
  const text =
    '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew","1":"One","\\ud83d\\ude00":"Emoji","\\u0080":"Control","\\u00f6":"o"}';
  const values = Object.values(
    JSON.parse(
      `[${canonicalize(text)
        .slice(1, -1)
        .replaceAll(/"(?:[^"\\]|\\.)*":/g, '')}]`,
    ),
  );
  t.deepEqual(values, ['Carriage Return', 'One', 'Control', 'o', 'Euro Sign', 'Emoji', 'Hebrew']);
});

test('the example of RFC 8785, 3.2.2', (t) => {
  const text = `{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
    "literals": [null, true, false]
  }`;
  // 333333333.33333329 has more digits than a double: by our rule it keeps its text.
  t.is(
    canonicalize(text),
    '{"literals":[null,true,false],"numbers":[333333333.33333329,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

const numbers: [source: string, canonical: string][] = [
  ['1.0', '1'],
  ['-0', '0'],
  ['0e99', '0'],
  ['10.50', '10.5'],
  ['1e3', '1000'],
  ['1000000000000000000000', '1e+21'],
  ['0.0000001', '1e-7'],
  ['9007199254740992', '9007199254740992'],
  ['9007199254740993', '9007199254740993'],
  ['18446744073709551616', '18446744073709551616'],
  ['0.1000000000000000055511151231257827', '0.1000000000000000055511151231257827'],
  ['1e400', '1e400'],
  ['-1E-400', '-1E-400'],
];

for (const [source, canonical] of numbers) {
  test(`number ${source} → ${canonical}`, (t) => t.is(canonicalize(source), canonical));
}

test('a number of a million zeros takes no time', (t) => {
  const source = `1${'0'.repeat(1_000_000)}1`;
  t.is(canonicalize(source), source);
  t.is(canonicalize(`1.${'0'.repeat(1_000_000)}`), '1');
});

test('what is nested too deep to be read again is refused', (t) => {
  const nest = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as never;
  t.is(canonicalizeJson(nest(64)).length, 128);
  t.throws(() => canonicalizeJson(nest(65)), { code: 'ATTRIBUTES_INVALID' });
});

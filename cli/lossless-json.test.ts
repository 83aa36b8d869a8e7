import test from 'ava';
import { parseJson, parseJsonObject } from './lossless-json.ts';

test('numbers are written as they came', (t) => {
  const text = '{"a":12345678901234567890,"b":[1.10,-0,1e400,5],"c":"1.10","__proto__":1}';
  t.is(JSON.stringify(parseJson(text)), text);
});

test('depth is not limited by what a sidecar may have', (t) => {
  const text = `${'['.repeat(200)}${']'.repeat(200)}`;
  t.is(JSON.stringify(parseJson(text)), text);
});

test('what is no object is null', (t) => {
  for (const text of ['', '{', '[]', '1', 'null', '"x"', '12345678901234567890']) {
    t.is(parseJsonObject(text), null);
  }
  t.deepEqual(parseJsonObject('{"a":1}'), { a: 1 });
});

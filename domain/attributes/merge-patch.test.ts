import test from 'ava';
import * as fc from 'fast-check';
import { mergePatch } from './merge-patch.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { parseStrictJson } from '#domain/strict-json.ts';
import { arbitraryJson, arbitraryObject } from '#test/support/arbitrary-attributes.ts';

/** RFC 7396, appendix A, all of it. */
const examples: readonly (readonly [target: string, patch: string, result: string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', 'null', 'null'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];

for (const [target, patch, result] of examples) {
  test(`${target} patched with ${patch}`, (t) => {
    const merged = mergePatch(parseStrictJson(target), parseStrictJson(patch));
    t.is(JSON.stringify(merged), result);
  });
}

const text = (value: JsonValue) => JSON.stringify(value);

test('the same patch twice changes nothing more', (t) => {
  fc.assert(
    fc.property(arbitraryJson, arbitraryJson, (target, patch) => {
      const once = mergePatch(target, patch);
      return text(mergePatch(once, patch)) === text(once);
    }),
  );
  t.pass();
});

test('members that the patch does not name keep value and place', (t) => {
  fc.assert(
    fc.property(arbitraryObject, arbitraryObject, (target, patch) => {
      const merged = mergePatch(target, patch) as JsonObject;
      const untouched = Object.keys(target).filter((name) => !Object.hasOwn(patch, name));
      const kept = Object.keys(merged).filter((name) => untouched.includes(name));
      return (
        text(untouched) === text(kept) &&
        untouched.every((name) => text(merged[name] ?? null) === text(target[name] ?? null))
      );
    }),
  );
  t.pass();
});

test('what the patch says is there afterwards, and null is not', (t) => {
  fc.assert(
    fc.property(arbitraryObject, arbitraryObject, (target, patch) => {
      const merged = mergePatch(target, patch) as JsonObject;
      return Object.entries(patch).every(([name, value]) =>
        value === null
          ? !Object.hasOwn(merged, name)
          : text(merged[name] ?? null) === text(mergePatch(target[name], value as JsonValue)),
      );
    }),
  );
  t.pass();
});

test('an empty patch changes nothing, and neither input is changed', (t) => {
  fc.assert(
    fc.property(arbitraryObject, arbitraryJson, (target, patch) => {
      const before = text([target, patch]);
      mergePatch(target, patch);
      return text([target, patch]) === before && text(mergePatch(target, {})) === text(target);
    }),
  );
  t.pass();
});

test('numbers keep their digits, in the target and in the patch', (t) => {
  const target = parseStrictJson('{"kept":12345678901234567890,"object":{"price":1.10}}');
  const patch = parseStrictJson('{"object":{"new":98765432109876543210.50}}');
  t.is(
    text(mergePatch(target, patch)),
    '{"kept":12345678901234567890,"object":{"price":1.10,"new":98765432109876543210.50}}',
  );
});

test('a member called __proto__ is a member', (t) => {
  const merged = mergePatch({}, parseStrictJson('{"__proto__":{"polluted":true}}')) as JsonObject;
  t.true(Object.hasOwn(merged, '__proto__'));
  t.false('polluted' in merged);
  t.is(text(merged), '{"__proto__":{"polluted":true}}');
});

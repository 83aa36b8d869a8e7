import test from 'ava';

import {
  checkRetentionFields,
  checkUserFields,
  type Checked,
  type SentRetentionFields,
} from '#domain/attributes/user-fields.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import { parseStrictJson } from '#domain/strict-json.ts';

const createdAt = '2026-01-13T08:17:28+00:00' as Instant;
const pointersOf = (checked: Checked<unknown>) =>
  checked.ok ? [] : checked.faults.map((fault) => fault.pointer);

test('absent and null fields are empty ones', (t) => {
  const empty = { description: null, version: null, tags: [], metadata: {}, customAttributes: {} };
  t.deepEqual(checkUserFields({}), { ok: true, value: empty });
  const nulls = {
    description: null,
    version: null,
    tags: null,
    metadata: null,
    custom_attributes: null,
  };
  t.deepEqual(checkUserFields(nulls), { ok: true, value: empty });
});

test('values are taken as they are, digits and prototype keys included', (t) => {
  const text = '{"n":9007199254740993,"price":1.10,"__proto__":{"a":null},"ключ":["📄"]}';
  const custom = parseStrictJson(text) as JsonObject;
  const checked = checkUserFields({
    custom_attributes: custom,
    tags: ['я'.repeat(50)],
    description: '',
  });
  t.true(checked.ok);
  t.is(checked.ok ? JSON.stringify(checked.value.customAttributes) : '', text);
});

test('all faults are told at once', (t) => {
  const checked = checkUserFields({
    description: 1,
    version: 'v'.repeat(101),
    tags: ['ok', 'x'.repeat(51), 3, '', null, 'a\0'],
    metadata: [],
    custom_attributes: { 'a/b~c': ['\0'], d: { '\uD800': 1 }, e: '\uDC00' },
  });
  t.deepEqual(pointersOf(checked), [
    '/description',
    '/version',
    '/tags/1',
    '/tags/2',
    '/tags/3',
    '/tags/4',
    '/tags/5',
    '/metadata',
    '/custom_attributes/a~1b~0c/0',
    '/custom_attributes/d/\uD800',
    '/custom_attributes/e',
  ]);
});

test('more tags than the limit are one fault', (t) => {
  t.deepEqual(pointersOf(checkUserFields({ tags: Array.from({ length: 50 }, () => 'a') })), []);
  t.deepEqual(
    pointersOf(checkUserFields({ tags: Array.from({ length: 5000 }, () => 1) })).slice(0, 2),
    ['/tags', '/tags/0'],
  );
  t.deepEqual(pointersOf(checkUserFields({ tags: 'a,b' })), ['/tags']);
});

test('free objects may be as deep as the sidecar around them can be read', (t) => {
  const nest = (depth: number) =>
    parseStrictJson('{"a":'.repeat(depth) + '1' + '}'.repeat(depth)) as JsonObject;
  t.true(checkUserFields({ metadata: nest(63) }).ok);
  t.deepEqual(pointersOf(checkUserFields({ metadata: nest(64) })), [`/metadata${'/a'.repeat(63)}`]);
});

test('numbers that others read as Infinity or zero are refused, long ones kept', (t) => {
  const check = (number: string) =>
    checkUserFields({ metadata: parseStrictJson(`{"n":[${number}]}`) });
  for (const fine of ['1e308', '0.0e999', '-0', '1'.repeat(300)]) t.true(check(fine).ok, fine);
  for (const bad of ['1e400', '-1e400', '1e-400', '9'.repeat(400)]) {
    t.deepEqual(pointersOf(check(bad)), ['/metadata/n/0'], bad);
  }
});

test('a raw number is no object, text or array', (t) => {
  const raw = parseStrictJson('9007199254740993');
  t.deepEqual(
    pointersOf(
      checkUserFields({ description: raw, tags: raw, metadata: raw, custom_attributes: raw }),
    ),
    ['/description', '/tags', '/metadata', '/custom_attributes'],
  );
});

const choices: [sent: SentRetentionFields, expected: unknown][] = [
  [{}, { policy: 'temporary', ttlDays: 30 }],
  [{ ttl_days: 1 }, { policy: 'temporary', ttlDays: 1 }],
  [{ ttl_days: parseStrictJson('365.0') }, { policy: 'temporary', ttlDays: 365 }],
  [{ retention_policy: 'permanent' }, { policy: 'permanent', retainUntil: null }],
  [
    { retention_policy: 'permanent', retain_until: '2026-01-13T08:17:28.0001Z' },
    { policy: 'permanent', retainUntil: '2026-01-13T08:17:28.0001+00:00' },
  ],
];

for (const [index, [sent, expected]] of choices.entries()) {
  test(`retention that can be had, ${index + 1}`, (t) => {
    t.deepEqual(checkRetentionFields(sent, createdAt), { ok: true, value: expected as never });
  });
}

const mistakes: [sent: SentRetentionFields, pointers: string[]][] = [
  [{ retention_policy: 'forever' }, ['/retention_policy']],
  [{ ttl_days: 0 }, ['/ttl_days']],
  [{ ttl_days: 366 }, ['/ttl_days']],
  [{ ttl_days: 1.5 }, ['/ttl_days']],
  [{ ttl_days: '30' }, ['/ttl_days']],
  [{ retention_policy: 'permanent', ttl_days: 5 }, ['/ttl_days']],
  [{ retain_until: '2030-01-01T00:00:00Z' }, ['/retain_until']],
  [{ retention_policy: 'permanent', retain_until: 'later' }, ['/retain_until']],
  [{ retention_policy: 'permanent', retain_until: '2026-01-13T08:17:28Z' }, ['/retain_until']],
  [
    { retention_policy: 1, ttl_days: 'x', retain_until: 2 },
    ['/retention_policy', '/ttl_days', '/retain_until'],
  ],
];

for (const [index, [sent, pointers]] of mistakes.entries()) {
  test(`retention that cannot be had, ${index + 1}`, (t) => {
    t.deepEqual(pointersOf(checkRetentionFields(sent, createdAt)), pointers);
  });
}

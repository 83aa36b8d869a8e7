import test from 'ava';

import { extensionsOf, normalizeRetention } from '#domain/attributes/extensions.ts';
import type { JsonValue } from '#domain/json.ts';
import { parseStrictJson } from '#domain/strict-json.ts';

const read = (key: string, value: JsonValue) => extensionsOf({ [key]: value } as never);

test('nothing there: no tags, permanent, unlocked for reading of its retention', (t) => {
  t.deepEqual(extensionsOf({} as never), {
    tags: [],
    retention: null,
    isRetentionReadable: true,
    stored: null,
    template: null,
    revision: null,
  });
});

test('tags have their shape up to the limits', (t) => {
  const most = Array.from({ length: 50 }, () => '📄'.repeat(50));
  t.deepEqual(read('tags', most).tags, most);
  for (const strange of [[...most, 'x'], ['я'.repeat(51)], ['a', 1], 'a', { 0: 'a' }, null]) {
    t.deepEqual(read('tags', strange).tags, []);
  }
});

test('a retention that cannot be read is told from none', (t) => {
  const strange: JsonValue[] = [
    null,
    'permanent',
    {},
    { policy: 'forever' },
    { policy: 'temporary', expires_at: 'soon' },
    { policy: 'temporary', expires_at: 1 },
    { policy: 'permanent', legal_holds: [{ id: 'a' }] },
    { policy: 'permanent', legal_holds: null },
    ['temporary'],
    parseStrictJson('{"__proto__":{"policy":"temporary"}}'),
  ];
  for (const value of strange) {
    const extensions = read('retention', value);
    t.is(extensions.retention, null);
    t.false(extensions.isRetentionReadable, JSON.stringify(value));
  }
});

test('instants of a retention get the form that we write; other members stay', (t) => {
  const retention = {
    policy: 'permanent',
    expires_at: null,
    retain_until: '2030-01-01 03:00:00.50+03:00',
    note: 'x',
    legal_holds: [
      { id: 'h', reason: 'r', placed_by: 'p', placed_at: '2030-01-01T00:00:00Z', n: 1 },
    ],
  };
  t.deepEqual(normalizeRetention(retention), {
    ...retention,
    retain_until: '2030-01-01T00:00:00.50+00:00',
    legal_holds: [{ ...retention.legal_holds[0], placed_at: '2030-01-01T00:00:00+00:00' }],
  });
  t.deepEqual(normalizeRetention({ policy: 'x', retain_until: '2030-01-01' }), {
    policy: 'x',
    retain_until: '2030-01-01',
  });
});

test('stored, template and revision are read in their shape only', (t) => {
  const stored = { encoding: 'zstd', size: 7, checksum: 'a'.repeat(64) };
  t.deepEqual(read('stored', stored).stored, stored as never);
  for (const strange of [
    { ...stored, encoding: 'lzma' },
    { ...stored, size: -1 },
    { ...stored, checksum: 'A'.repeat(64) },
    null,
  ]) {
    t.is(read('stored', strange).stored, null);
  }
  t.is(read('template', 'contract@2').template, 'contract@2');
  for (const strange of ['contract', '@1', 'a@0', 'a@b@1', 'a@1.0', 1]) {
    t.is(read('template', strange).template, null);
  }
  t.is(read('revision', 3).revision, 3);
  for (const strange of [0, 1.5, '1', parseStrictJson('12345678901234567890')]) {
    t.is(read('revision', strange).revision, null);
  }
});

import test from 'ava';
import { mapMetadata } from '#domain/attributes/map-metadata.ts';
import { isDomainError } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import type { MappingPolicy } from '#domain/ports/migration-lifecycle.ts';
import { parseStrictJson } from '#domain/strict-json.ts';

const members = {
  metadata: { dept: 'sales', year: 2025, rest: [1] },
  custom_attributes: { department: 'legal', other: true },
};

function map(keys: Record<string, string>, policy: MappingPolicy, source = members) {
  return mapMetadata(source, { keys, policy });
}

test('what is named moves, what is not stays, the input is as it was', (t) => {
  const before = structuredClone(members);
  t.deepEqual(map({ year: 'issued', absent: 'nowhere' }, 'refuse'), {
    metadata: { dept: 'sales', rest: [1] },
    custom_attributes: { department: 'legal', other: true, issued: 2025 },
  });
  t.deepEqual(members, before);
});

test('a place that is taken: refuse, keep, replace', (t) => {
  const error = t.throws(() => map({ dept: 'department', year: 'other', rest: 'rest' }, 'refuse'));
  t.true(isDomainError(error, 'ATTRIBUTES_MAPPING_CONFLICT'));
  t.deepEqual(isDomainError(error) ? error.details.faults?.map(({ pointer }) => pointer) : null, [
    '/custom_attributes/department',
    '/custom_attributes/other',
  ]);
  t.deepEqual(map({ dept: 'department', year: 'issued' }, 'keep'), {
    metadata: { dept: 'sales', rest: [1] },
    custom_attributes: { department: 'legal', other: true, issued: 2025 },
  });
  t.deepEqual(map({ dept: 'department' }, 'replace'), {
    metadata: { year: 2025, rest: [1] },
    custom_attributes: { department: 'sales', other: true },
  });
});

test('the same value in the place is no conflict, and leaves the metadata', (t) => {
  const source = { metadata: { dept: 'legal' }, custom_attributes: { department: 'legal' } };
  for (const policy of ['refuse', 'keep', 'replace'] as const) {
    t.deepEqual(
      mapMetadata(source, { keys: { dept: 'department' }, policy }),
      { metadata: {}, custom_attributes: { department: 'legal' } },
      policy,
    );
  }
});

test('two keys for one place conflict like any other', (t) => {
  const source = { metadata: { a: 1, b: 2 }, custom_attributes: {} };
  t.throws(() => mapMetadata(source, { keys: { a: 'x', b: 'x' }, policy: 'refuse' }));
  t.deepEqual(mapMetadata(source, { keys: { a: 'x', b: 'x' }, policy: 'keep' }), {
    metadata: { b: 2 },
    custom_attributes: { x: 1 },
  });
});

test('mapping once more changes nothing', (t) => {
  for (const policy of ['keep', 'replace'] as const) {
    const once = map({ dept: 'department', year: 'issued' }, policy);
    t.deepEqual(mapMetadata(once, { keys: { dept: 'department', year: 'issued' }, policy }), once);
  }
});

test('numbers keep their digits, names of the language are names like any other', (t) => {
  const metadata = parseStrictJson('{"n":12345678901234567890,"__proto__":1.10}') as JsonObject;
  const mapped = mapMetadata(
    { metadata, custom_attributes: {} },
    {
      keys: Object.fromEntries([
        ['n', 'constructor'],
        ['__proto__', '__proto__'],
      ]),
      policy: 'refuse',
    },
  );
  t.is(
    JSON.stringify(mapped.custom_attributes),
    '{"constructor":12345678901234567890,"__proto__":1.10}',
  );
  t.is(JSON.stringify(mapped.metadata), '{}');
});

import test from 'ava';
import { attributesVersions } from '#domain/attributes/versions.ts';
import { parseInstant, type Instant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import { findMigrationFaults, type AskedMigration } from '#domain/migrations/migration-faults.ts';
import { versionsWithV3 } from '#test/support/made-up-version.ts';

const sound: AskedMigration = {
  sourceVersion: '1.0',
  targetVersion: '2.0',
  createdFrom: null,
  createdTo: null,
  mapping: undefined,
};
const ask = (change: Partial<AskedMigration>, versions = attributesVersions) =>
  findMigrationFaults({ ...sound, ...change }, versions);
const pointers = (change: Partial<AskedMigration>) => ask(change).map(({ pointer }) => pointer);
const instant = (text: string): Instant => {
  const parsed = parseInstant(text);
  if (parsed === null) throw new TypeError(text);
  return parsed;
};

test('a request that can be met has no fault', (t) => {
  t.deepEqual(ask({}), []);
  t.deepEqual(ask({ mapping: { a: 'x', b: 'y', '': 'z', __proto__: 'p' } }), []);
});

for (const [title, change, expected] of [
  ['unknown source', { sourceVersion: '0.9' }, ['/source_version']],
  ['unknown target', { targetVersion: '3.0' }, ['/target_version']],
  [
    'both unknown',
    { sourceVersion: 'constructor', targetVersion: '' },
    ['/source_version', '/target_version'],
  ],
  ['target as old as the source', { sourceVersion: '2.0' }, ['/target_version']],
  [
    'target older than the source',
    { sourceVersion: '2.0', targetVersion: '1.0' },
    ['/target_version'],
  ],
  ['only the source has its form', { targetVersion: undefined }, []],
] as const) {
  test(`versions: ${title}`, (t) => {
    t.deepEqual(pointers(change), [...expected]);
  });
}

test('with a third version a run from the second or the first to it can be asked for', (t) => {
  for (const sourceVersion of ['1.0', '2.0']) {
    t.deepEqual(ask({ sourceVersion, targetVersion: '3.0' }, versionsWithV3), []);
  }
  const [fault, ...others] = ask({ targetVersion: '2.0' }, versionsWithV3);
  t.deepEqual(others, []);
  t.like(fault, { pointer: '/target_version' });
  t.regex(fault?.message ?? '', /"3\.0"/);
});

test('a range must not end before it begins, to the last digit', (t) => {
  const [early, late] = [instant('2025-01-01T00:00:00.1Z'), instant('2025-01-01T00:00:00.11Z')];
  t.deepEqual(pointers({ createdFrom: early, createdTo: late }), []);
  t.deepEqual(pointers({ createdFrom: late, createdTo: late }), []);
  t.deepEqual(pointers({ createdFrom: late, createdTo: early }), ['/selection/created_at']);
  t.deepEqual(pointers({ createdFrom: late }), []);
});

test('a mapping needs targets, and each its own', (t) => {
  const long = 'я'.repeat(limits.migrationMappingKeyChars);
  t.deepEqual(pointers({ mapping: { [long]: long } }), []);
  t.deepEqual(
    pointers({
      mapping: {
        a: '',
        'b/c': 'x',
        d: 'x',
        [`${long}я`]: 'y',
        e: `${long}я`,
        f: 'n\0',
        g: '\ud800',
      },
    }),
    ['/mapping/a', '/mapping/d', `/mapping/${long}я`, '/mapping/e', '/mapping/f', '/mapping/g'],
  );
});

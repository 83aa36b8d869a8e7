import test from 'ava';
import * as fc from 'fast-check';

import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { migrateV1 } from '#domain/attributes/migrate.ts';
import { toOlderForm } from '#domain/attributes/older-form.ts';
import { standardFieldsV1 } from '#domain/attributes/sidecar-text.ts';
import { attributesVersions } from '#domain/attributes/versions.ts';
import type { JsonObject } from '#domain/json.ts';
import { arbitraryAttributes, arbitraryObject } from '#test/support/arbitrary-attributes.ts';

const toV1 = (attributes: Attributes) =>
  toOlderForm(attributes, attributesVersions.first, attributesVersions);

const arbitraryV1: fc.Arbitrary<JsonObject> = fc
  .tuple(arbitraryAttributes, arbitraryObject)
  .map(([attributes, unknown]) => ({ ...unknown, ...toV1(attributes).document }));

test('property: v1 → v2 keeps every member, adds two and does not change its input', (t) => {
  fc.assert(
    fc.property(arbitraryV1, fc.option(arbitraryObject, { nil: undefined }), (plain, custom) => {
      const source: JsonObject =
        custom === undefined
          ? plain
          : { ...plain, schema_version: '1.0', custom_attributes: custom };
      const before = JSON.stringify(source);
      deepFreeze(source);
      const migrated = migrateV1(source);
      t.is(JSON.stringify(source), before);
      const { schema_version: version, custom_attributes: after, ...rest } = migrated;
      t.is(version, '2.0');
      t.is(JSON.stringify(after), JSON.stringify(custom ?? source['custom_attributes'] ?? {}));
      const { schema_version: _, custom_attributes: __, ...others } = source;
      t.is(JSON.stringify(rest), JSON.stringify(others));
    }),
    { numRuns: 300 },
  );
});

test('property: v1 → v2 is idempotent', (t) => {
  fc.assert(
    fc.property(arbitraryV1, (source) => {
      const once = migrateV1(source);
      t.is(JSON.stringify(migrateV1(once)), JSON.stringify(once));
    }),
    { numRuns: 200 },
  );
});

test('nothing moves out of metadata', (t) => {
  const migrated = migrateV1({ metadata: { department: 'x' } });
  t.deepEqual(migrated, {
    schema_version: '2.0',
    metadata: { department: 'x' },
    custom_attributes: {},
  });
});

test('property: v2 → v1 keeps standard fields and unknown keys and names what it drops', (t) => {
  fc.assert(
    fc.property(arbitraryAttributes, (attributes) => {
      const before = JSON.stringify(attributes);
      const { document, dropped } = toV1(attributes);
      t.is(JSON.stringify(attributes), before);
      t.deepEqual(
        Object.keys(document)
          .filter((key) => !/^\d+$/.test(key))
          .slice(0, 15),
        [...standardFieldsV1],
      );
      t.is(document['created_by_id'], attributes.created_by_id ?? '');
      for (const key of Object.keys(attributes))
        t.true(Object.hasOwn(document, key) !== dropped.includes(key));
      for (const key of Object.keys(document)) {
        if (key === 'created_by_id') continue;
        t.is(JSON.stringify(document[key]), JSON.stringify(attributes[key]));
      }
    }),
    { numRuns: 300 },
  );
});

test('v2 → v1 of a new file drops these, in this order', (t) => {
  const attributes = {
    revision: 1,
    tags: ['a'],
    retention: { policy: 'permanent' },
    template: 'contract@1',
    created_by_id: null,
    schema_version: '2.0',
    custom_attributes: { a: 1 },
  };
  t.deepEqual(toV1(attributes as never).dropped, [
    'schema_version',
    'custom_attributes',
    'tags',
    'retention',
    'template',
    'revision',
    'integrity',
  ]);
});

test('a foreign value under the name of an extension key stays in v1', (t) => {
  const { document, dropped } = toV1({ template: 'contract', tags: 'x' } as never);
  t.deepEqual(dropped, ['schema_version', 'custom_attributes', 'integrity']);
  t.like(document, { template: 'contract', tags: 'x' });
  t.like(toV1({ integrity: 'high' } as never), {
    document: { integrity: 'high' },
    dropped: ['schema_version', 'custom_attributes'],
  });
});

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
}

import * as fc from 'fast-check';

import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionKeys } from '#domain/attributes/extensions.ts';
import { orderMembers } from '#domain/attributes/sidecar-text.ts';
import { attributesVersions } from '#domain/attributes/versions.ts';
import { instantFromMillis, parseInstant, type Instant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { parseStrictJson } from '#domain/strict-json.ts';

const { fields: standardFields } = attributesVersions.newest;
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const optionalText = fc.option(text);
const digest = fc.string({
  unit: fc.constantFrom(...'0123456789abcdef'.split('')),
  minLength: 64,
  maxLength: 64,
});

/** Any instant of the years 0001 to 9998, with up to 30 digits of a second. */
export const arbitraryInstant: fc.Arbitrary<Instant> = fc
  .tuple(
    fc.integer({ min: Date.UTC(1, 0) - 60e12, max: Date.UTC(9998, 0) }),
    fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), maxLength: 30 }),
  )
  .map(([epochMs, digits]) => {
    const seconds = instantFromMillis(epochMs).slice(0, 19);
    return parseInstant(`${seconds}${digits === '' ? '' : `.${digits}`}Z`);
  })
  .filter((instant) => instant !== null);

/** Numbers in any spelling that JSON has, so with more digits than JavaScript holds. */
export const arbitraryNumberText: fc.Arbitrary<string> = fc
  .tuple(
    fc.bigInt(),
    fc.option(
      fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), minLength: 1, maxLength: 25 }),
    ),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), fc.nat({ max: 500 }))),
  )
  .map(
    ([whole, fraction, exponent]) =>
      `${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : exponent.join('')}`,
  );

export const arbitraryJson: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  arbitraryNumberText.map(parseStrictJson),
  fc.array(arbitraryNumberText.map(parseStrictJson), { maxLength: 3 }),
);

export const arbitraryObject: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '1', 'ключ')),
  arbitraryJson,
  { maxKeys: 4 },
);

const extensions = fc.record(
  {
    tags: fc.oneof(fc.array(text, { maxLength: 4 }), arbitraryJson),
    retention: fc.oneof(
      fc.record({ policy: fc.constant('temporary'), expires_at: arbitraryInstant }),
      fc.record({ policy: fc.constant('permanent'), note: arbitraryJson }),
      arbitraryJson,
    ),
    template: fc.oneof(fc.constantFrom('contract@2', 'contract'), arbitraryJson),
    revision: fc.oneof(fc.integer({ min: 1 }), arbitraryJson),
    stored: fc.oneof(
      fc.record({ encoding: fc.constant('zstd'), size: fc.nat(), checksum: digest }),
      arbitraryJson,
    ),
  },
  { requiredKeys: [] },
);

const unknownKeys = arbitraryObject.map((members) => {
  const taken: readonly string[] = [...standardFields, ...extensionKeys];
  return Object.fromEntries(Object.entries(members).filter(([name]) => !taken.includes(name)));
});

/** Attributes as they are in memory, any extension key possibly in a stranger's shape. */
export const arbitraryAttributes: fc.Arbitrary<Attributes> = fc
  .tuple(
    fc.record({
      schema_version: fc.constant('2.0' as const),
      file_id: fc.uuid(),
      original_filename: text,
      storage_filename: text,
      file_size: fc.maxSafeNat(),
      content_type: text,
      created_at: arbitraryInstant,
      updated_at: arbitraryInstant,
      created_by_id: fc.option(fc.string({ minLength: 1, maxLength: 20 })),
      created_by_username: text,
      created_by_fullname: optionalText,
      description: optionalText,
      version: optionalText,
      storage_path: fc.constantFrom('2026/01/13/08/', '0001/12/31/23/', 'elsewhere/'),
      checksum: digest,
      metadata: arbitraryObject,
      custom_attributes: arbitraryObject,
    }),
    extensions,
    unknownKeys,
  )
  .map(
    ([standard, extra, unknown]) =>
      Object.fromEntries(
        orderMembers({ ...standard, ...(extra as JsonObject), ...unknown }, standardFields),
      ) as unknown as Attributes,
  );

import { memberOf } from '#domain/attributes/extensions.ts';
import { createVersions, releasedVersions } from '#domain/attributes/versions.ts';
import type { JsonObject } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import schemaV3 from '#test/fixtures/made-up-version/attributes-v3.0.schema.json' with { type: 'json' };

const levels: readonly unknown[] = ['public', 'internal', 'secret'];

/** 2.0 → a made-up 3.0: a level among the custom attributes becomes a field of its own. */
export function migrateV2(document: JsonObject): JsonObject {
  const custom = memberOf(document, 'custom_attributes');
  const attributes = isJsonObject(custom) ? custom : {};
  const { level, ...others } = attributes;
  const isLevel = levels.includes(level);
  return {
    ...document,
    schema_version: '3.0',
    confidentiality: isLevel ? (level ?? null) : 'internal',
    custom_attributes: isLevel ? others : attributes,
  };
}

/** The released versions and one more, as if it had been added to the product's list. */
export const versionsWithV3 = createVersions(...releasedVersions, {
  version: '3.0',
  schema: schemaV3,
  migrateFromPrevious: migrateV2,
});

import type { JsonObject } from '#domain/json.ts';

/**
 * v1.0 → v2.0: every field keeps its name and value, `custom_attributes` is added when it is
 * absent, unknown keys stay, nothing moves out of `metadata`. Pure, total on valid v1, idempotent;
 * the input is not changed.
 */
export function migrateV1(document: JsonObject): JsonObject {
  const { schema_version: _, custom_attributes: customAttributes, ...rest } = document;
  return { schema_version: '2.0', ...rest, custom_attributes: customAttributes ?? {} };
}

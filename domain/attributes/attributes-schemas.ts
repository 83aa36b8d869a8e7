import type { SchemaVersion } from '#domain/attributes/attributes-types.ts';
import schemaV1 from '#domain/attributes/schemas/attributes-v1.0.schema.json' with { type: 'json' };
import schemaV2 from '#domain/attributes/schemas/attributes-v2.0.schema.json' with { type: 'json' };
import type { JsonObject } from '#domain/json.ts';

/** The released JSON Schema documents of the sidecar. A released document never changes again. */
export const attributesSchemas: Readonly<Record<SchemaVersion, JsonObject>> = {
  '1.0': schemaV1,
  '2.0': schemaV2,
};

/** @returns null for a version that was never released. */
export function findAttributesSchema(version: string): JsonObject | null {
  return Object.hasOwn(attributesSchemas, version)
    ? attributesSchemas[version as SchemaVersion]
    : null;
}

import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionKeys, hasExtension } from '#domain/attributes/extensions.ts';
import { standardFieldsV1 } from '#domain/attributes/sidecar-text.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';

/**
 * v1.0 → v2.0: every field keeps its name and value, `custom_attributes` is added when it is
 * absent, unknown keys stay, nothing moves out of `metadata`. Pure, total on valid v1, idempotent;
 * the input is not changed.
 */
export function migrateV1(document: JsonObject): JsonObject {
  const { schema_version: _, custom_attributes: customAttributes, ...rest } = document;
  return { schema_version: '2.0', ...rest, custom_attributes: customAttributes ?? {} };
}

export interface DocumentV1 {
  readonly document: JsonObject;
  /** Keys of the v2.0 form that version 1.0 has no place for, in the order in which they stand. */
  readonly dropped: readonly string[];
}

/** v2.0 → v1.0, lossy. Unknown keys stay. */
export function toV1(attributes: Attributes): DocumentV1 {
  // Every sidecar that we write carries `integrity`; in memory it is not kept.
  const dropped = new Set<string>([
    'schema_version',
    'custom_attributes',
    ...extensionKeys.filter((key) => key === 'integrity' || hasExtension(attributes, key)),
  ]);
  const names = new Set<string>([...standardFieldsV1, ...Object.keys(attributes)]);
  const entries: [string, JsonValue | undefined][] = [...names]
    .filter((name) => !dropped.has(name))
    .map((name) => [name, attributes[name]]);
  const document = Object.fromEntries(entries);
  return {
    document: { ...document, created_by_id: attributes.created_by_id ?? '' },
    dropped: [...dropped],
  };
}

import { attributesVersions } from '#domain/attributes/versions.ts';
import type { JsonObject } from '#domain/json.ts';

/** The released JSON Schema documents of the sidecar. A released document never changes again. */
export const attributesSchemas: Readonly<Record<string, JsonObject>> = Object.fromEntries(
  attributesVersions.all.map(({ version, schema }) => [version, schema]),
);

/** @returns null for a version that was never released. */
export function findAttributesSchema(version: string): JsonObject | null {
  return attributesVersions.find(version)?.schema ?? null;
}

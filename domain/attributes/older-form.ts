import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { hasExtension, memberOf, type ExtensionKey } from '#domain/attributes/extensions.ts';
import type { AttributesVersion, AttributesVersions } from '#domain/attributes/versions.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';

export interface OlderForm {
  readonly document: JsonObject;
  /** Keys of the newest form that the older one has no place for, in the order in which they stand. */
  readonly dropped: readonly string[];
}

/**
 * The newest form → an older one, lossy: the fields and extension keys that came later go. Unknown
 * keys stay.
 */
export function toOlderForm(
  attributes: Attributes,
  target: AttributesVersion,
  { newest }: Pick<AttributesVersions, 'newest'>,
): OlderForm {
  const dropped = new Set<string>([
    ...newest.fields.filter((name) => !target.fields.includes(name)),
    ...newest.extensions.filter((key) => isLost(attributes, key, target)),
  ]);
  const names = new Set<string>([...target.fields, ...Object.keys(attributes)]);
  const entries: [string, JsonValue | undefined][] = [...names]
    .filter((name) => !dropped.has(name))
    .map((name) => [name, attributes[name]]);
  const saysVersion = target.fields.includes('schema_version');
  return {
    document: {
      ...Object.fromEntries(entries),
      ...(saysVersion && { schema_version: target.version }),
      created_by_id: attributes.created_by_id ?? '',
    },
    dropped: [...dropped],
  };
}

function isLost(attributes: Attributes, key: ExtensionKey, target: AttributesVersion): boolean {
  // Every sidecar that we write carries it; in memory it is not kept, and of another form it is
  // no digest.
  if (key === 'integrity' && memberOf(attributes, key) === undefined) return true;
  return hasExtension(attributes, key) && !target.extensions.includes(key);
}

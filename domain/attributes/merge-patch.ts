import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';

/**
 * RFC 7396, section 2: members of the patch replace or join those of the target, null removes one,
 * anything but an object replaces the whole. Neither input is changed; members that the patch does
 * not name keep their value and their place.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  // A map, because an assignment to `__proto__` would change a prototype instead of a member.
  const members = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(isJsonObject(target) ? target : {})) {
    if (value !== undefined) members.set(name, value);
  }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else if (value !== undefined) members.set(name, mergePatch(members.get(name), value));
  }
  return Object.fromEntries(members) satisfies JsonObject;
}

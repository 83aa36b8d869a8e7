import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { usageError } from './cli-error.ts';

export interface PatchOptions {
  readonly setDescription?: string;
  readonly setVersion?: string;
  readonly tag?: readonly string[];
  readonly untag?: readonly string[];
  readonly metadata?: JsonObject;
  readonly custom?: JsonObject;
  readonly removeMetadata?: readonly string[];
  readonly removeCustom?: readonly string[];
  readonly retainUntil?: string;
  readonly expiresAt?: string;
}

/**
 * The merge patch (RFC 7396) that the options mean. Tags are a list, which such a patch can only
 * replace whole: those to be added and taken away need the tags as they are.
 * @param document from `--json-patch`; options go before it
 * @throws CliError when it would change nothing
 */
export function buildPatch(
  options: PatchOptions,
  document: JsonObject,
  tags: readonly string[],
): JsonObject {
  const metadata = members(options.metadata, options.removeMetadata);
  const custom = members(options.custom, options.removeCustom);
  const retention: JsonObject = {
    ...(options.retainUntil !== undefined && { retain_until: options.retainUntil }),
    ...(options.expiresAt !== undefined && { expires_at: options.expiresAt }),
  };
  const patch: JsonObject = {
    ...document,
    ...(options.setDescription !== undefined && { description: orNull(options.setDescription) }),
    ...(options.setVersion !== undefined && { version: orNull(options.setVersion) }),
    ...(changesTags(options) && { tags: changeTags(options, tags) }),
    ...added(document, 'metadata', metadata),
    ...added(document, 'custom_attributes', custom),
    ...added(document, 'retention', retention),
  };
  if (Object.keys(patch).length > 0) return patch;
  throw usageError('Say what to change: artstore patch --help shows the options.');
}

/** An empty text takes the member away. */
function orNull(text: string): string | null {
  return text === '' ? null : text;
}

export function changesTags({ tag = [], untag = [] }: PatchOptions): boolean {
  return tag.length + untag.length > 0;
}

function changeTags({ tag = [], untag = [] }: PatchOptions, tags: readonly string[]): JsonValue {
  return [...new Set([...tags, ...tag])].filter((one) => !untag.includes(one));
}

function members(set: JsonObject = {}, removed: readonly string[] = []): JsonObject {
  return { ...set, ...Object.fromEntries(removed.map((key) => [key, null])) };
}

function added(document: JsonObject, name: string, change: JsonObject): JsonObject {
  if (Object.keys(change).length === 0) return {};
  const before = document[name];
  return { [name]: { ...(isJsonObject(before) ? before : {}), ...change } };
}

/**
 * Values under these keys never reach a log, however deep they stand and however the key is
 * written (`client_secret`, `clientSecret`, `Client-Secret`).
 */
export const redactedKeys = [
  'authorization',
  'cookie',
  'set_cookie',
  'password',
  'secret',
  'client_secret',
  'secret_hash',
  'secret_access_key',
  'access_token',
  'token',
  'private_jwk',
  'master_key',
  'cursor_key',
  'connection_string',
  'database_url',
  'redis_url',
  'meilisearch_key',
] as const;

const normalized: ReadonlySet<string> = new Set(redactedKeys.map((key) => normalize(key)));
/** Deeper than anything we log; what is there is left out, cycles included. */
const maxDepth = 8;
export const censor = '[redacted]';

/** Keys are few and seen again and again: each is normalised once. */
const decided = new Map<string, boolean>();
const maxDecided = 5_000;

function normalize(key: string): string {
  return key.toLowerCase().replaceAll(/[_-]/g, '');
}

function isSecret(key: string): boolean {
  const known = decided.get(key);
  if (known !== undefined) return known;
  const result = normalized.has(normalize(key));
  if (decided.size < maxDecided) decided.set(key, result);
  return result;
}

/** A copy without secrets. Far cheaper than a list of paths, and it has no deepest level. */
export function redactSecrets(entry: object): Record<string, unknown> {
  return redactMembers(entry, 0);
}

function redactMembers(value: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    copy[key] = isSecret(key) ? censor : redactValue(member, depth + 1);
  }
  return copy;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  // What writes itself (dates, errors before their serializer) is not taken apart.
  if (value instanceof Error || 'toJSON' in value) return value;
  return redactMembers(value, depth);
}

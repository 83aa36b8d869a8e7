import { memberOf, normalizeRetention } from '#domain/attributes/extensions.ts';
import { parseInstant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isRawNumber, numberOf } from '#domain/strict-json.ts';

type Normalizer = (value: JsonValue) => JsonValue;

const normalizers: Readonly<Record<string, Normalizer>> = {
  file_id: onText((text) => text.toLowerCase()),
  file_size: onText((text) => (/^\d{1,16}$/.test(text) ? Number(text) : text)),
  created_at: onText((text) => parseInstant(text) ?? text),
  updated_at: onText((text) => parseInstant(text) ?? text),
  storage_path: onText(normalizePath),
  checksum: onText((text) => withoutPrefix(text).toLowerCase()),
  metadata: (value) => value ?? {},
  custom_attributes: (value) => value ?? {},
  retention: normalizeRetention,
};

const checksumPrefix = 'sha256:';

export function hasPrefixedChecksum(document: JsonObject): boolean {
  const checksum = memberOf(document, 'checksum');
  return typeof checksum === 'string' && checksum.startsWith(checksumPrefix);
}

/**
 * Brings what a reader accepts into the form that we write: other spellings of instants, sizes as
 * text, upper-case digests, null for empty objects. What it cannot bring into form stays as it is,
 * for the schema to refuse. The input is not changed.
 * @param standardFields of the newest version
 */
export function normalizeDocument(
  document: JsonObject,
  standardFields: readonly string[],
): JsonObject {
  const changed: Record<string, JsonValue> = {};
  for (const [name, normalizer] of Object.entries(normalizers)) {
    const value = memberOf(document, name);
    if (value !== undefined) changed[name] = normalizer(value);
  }
  for (const name of standardFields) {
    // To a schema, a raw number is an object; as one of our fields it is a number like any other.
    const value = changed[name] ?? memberOf(document, name);
    if (isRawNumber(value)) changed[name] = numberOf(value);
  }
  return { ...document, ...changed };
}

function onText(change: (text: string) => JsonValue): Normalizer {
  return (value) => (typeof value === 'string' ? change(value) : value);
}

function withoutPrefix(checksum: string): string {
  return checksum.startsWith(checksumPrefix) ? checksum.slice(checksumPrefix.length) : checksum;
}

/** A full path, with or without the file's name, becomes the directory with its trailing slash. */
function normalizePath(path: string): string {
  const directory = /^.*(?:^|[/\\])(\d{4})[/\\](\d{2})[/\\](\d{2})[/\\](\d{2})(?=[/\\]|$)/s.exec(
    path,
  );
  if (directory === null) return path === '' || path.endsWith('/') ? path : `${path}/`;
  return `${directory.slice(1).join('/')}/`;
}

import { memberOf } from '#domain/attributes/extensions.ts';
import type { RetentionPolicy, SchemaVersion } from '#domain/attributes/attributes-types.ts';
import { addDays, parseInstant, type Instant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { isJsonObject, isRawNumber } from '#domain/strict-json.ts';

/** How a sidecar names its facts. All but the first, one for each version, are met in old archives. */
export type Dialect =
  | `v${SchemaVersion}`
  | 'prefixed-checksum'
  | 'legacy-upload'
  | 'readme'
  | 'sectioned';

export type ForeignDialect = 'legacy-upload' | 'readme' | 'sectioned';

type Members = Record<string, JsonValue | undefined>;

/** Every one of ours has it, and of the dialects none: what is told by it is never translated twice. */
const nativeKey = 'created_by_id';

const renamings: Record<'legacy-upload' | 'readme', Readonly<Record<string, string>>> = {
  'legacy-upload': {
    mime_type: 'content_type',
    sha256: 'checksum',
    uploaded_at: 'created_at',
    uploaded_by: 'created_by_username',
    uploader_full_name: 'created_by_fullname',
  },
  readme: {
    size_bytes: 'file_size',
    mime_type: 'content_type',
    sha256_hash: 'checksum',
    uploaded_at: 'created_at',
    uploaded_by: 'created_by_username',
  },
};

/** Section, key, our name. */
const sectionedFields = [
  ['file', 'filename', 'storage_filename'],
  ['file', 'original_name', 'original_filename'],
  ['file', 'size', 'file_size'],
  ['file', 'mime_type', 'content_type'],
  ['file', 'checksum', 'checksum'],
  ['upload', 'username', 'created_by_username'],
  ['upload', 'timestamp', 'created_at'],
] as const;

/** @returns null for documents of our own versions, which need no translation. */
export function detectForeignDialect(document: JsonObject): ForeignDialect | null {
  const has = (...keys: string[]): boolean => keys.every((key) => Object.hasOwn(document, key));
  if (has(nativeKey)) return null;
  if (has('sha256', 'mime_type', 'uploaded_by')) return 'legacy-upload';
  if (has('sha256_hash', 'size_bytes')) return 'readme';
  const hasSections = ['_meta', 'file', 'upload'].every((key) =>
    isJsonObject(memberOf(document, key)),
  );
  return hasSections ? 'sectioned' : null;
}

/** The same facts under the names of version 1.0. The input is not changed; nothing is invented. */
export function translateDialect(
  document: JsonObject,
  dialect: ForeignDialect,
  found: StorageLocation,
): JsonObject {
  const members: Members =
    dialect === 'sectioned'
      ? translateSections(document, found)
      : renameMembers(document, renamings[dialect]);
  if (dialect === 'legacy-upload') moveRetention(members, 'retention_expires_at', 'retention_days');
  if (dialect === 'readme') moveRetention(members, 'expires_at', null);
  const version = integerText(members['version']);
  if (version !== null) members['version'] = version;
  return {
    ...members,
    storage_filename: members['storage_filename'] ?? found.storageFilename,
    storage_path: members['storage_path'] ?? found.storagePath,
    updated_at: members['updated_at'] ?? members['created_at'],
    [nativeKey]: '',
  };
}

/** A name that is taken already keeps its value; then the dialect's key stays as an unknown one. */
function renameMembers(document: JsonObject, names: Readonly<Record<string, string>>): Members {
  const entries = Object.entries(document).map(([key, value]) => {
    const name = Object.hasOwn(names, key) ? names[key] : undefined;
    return [name === undefined || Object.hasOwn(document, name) ? key : name, value] as const;
  });
  return Object.fromEntries(entries);
}

function translateSections(document: JsonObject, found: StorageLocation): Members {
  const sections: Members = { ...document };
  const fields: Members = {};
  for (const [section, key, name] of sectionedFields) {
    fields[name] = takeMember(sections, section, key);
  }
  if (isJsonObject(memberOf(document, 'custom'))) {
    fields['custom_attributes'] = sections['custom'];
    delete sections['custom'];
  }
  const days = memberOf(asObject(sections['storage']), 'retention_days');
  const retention = retentionAfterDays(fields['created_at'], days);
  if (retention !== null) {
    fields['retention'] = retention;
    takeMember(sections, 'storage', 'retention_days');
  }
  const storageFilename = fields['storage_filename'];
  // This dialect never had a `file_id`.
  fields['file_id'] =
    lastUuid(typeof storageFilename === 'string' ? storageFilename : '') ??
    lastUuid(found.storageFilename) ??
    undefined;
  const own = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { ...sections, ...own };
}

/** Takes one member out of a section; a section that is empty then goes. */
function takeMember(sections: Members, section: string, key: string): JsonValue | undefined {
  const { [key]: value, ...rest } = asObject(sections[section]);
  if (value === undefined) return undefined;
  if (Object.keys(rest).length === 0) delete sections[section];
  else sections[section] = rest;
  return value;
}

/**
 * A date of expiry makes a file temporary. What cannot be read stays where it is and starts no
 * clock.
 */
function moveRetention(members: Members, expiresKey: string, daysKey: string | null): void {
  if (members['retention'] !== undefined) return;
  const expires = members[expiresKey] ?? null;
  const days = daysKey === null ? undefined : members[daysKey];
  const retention =
    expires === null ? retentionAfterDays(members['created_at'], days) : retentionUntil(expires);
  if (retention === null) return;
  members['retention'] = retention;
  delete members[expiresKey];
  if (daysKey !== null) delete members[daysKey];
}

function retentionAfterDays(
  createdAt: JsonValue | undefined,
  days: JsonValue | undefined,
): JsonObject | null {
  const created = typeof createdAt === 'string' ? parseInstant(createdAt) : null;
  if (created === null || typeof days !== 'number') return null;
  // A century is more than anyone meant by days; beyond the year 9999 there is no instant.
  if (!Number.isInteger(days) || days < 1 || days > 36_525 || created > '9800') return null;
  return temporaryUntil(addDays(created, days));
}

function retentionUntil(expires: JsonValue): JsonObject | null {
  const instant = typeof expires === 'string' ? parseInstant(expires) : null;
  return instant === null ? null : temporaryUntil(instant);
}

function temporaryUntil(expiresAt: Instant): JsonObject {
  const policy: RetentionPolicy = 'temporary';
  return { policy, expires_at: expiresAt };
}

function lastUuid(name: string): string | null {
  const uuids = name.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi);
  return uuids?.at(-1)?.toLowerCase() ?? null;
}

function asObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** @returns null for everything but an integer. */
function integerText(value: JsonValue | undefined): string | null {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : null;
  return isRawNumber(value) && /^-?\d+$/.test(value.rawJSON) ? value.rawJSON : null;
}

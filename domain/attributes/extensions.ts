import type {
  AttributeExtensions,
  Attributes,
  Retention,
  StoredForm,
} from '#domain/attributes/attributes-types.ts';
import { parseInstant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { charLength } from '#domain/text-length.ts';

/**
 * Keys that version 2.0 adds beside the standard fields, in the order in which they are written. A
 * key of this name that does not have the shape is somebody else's: it is kept as an unknown key.
 */
export const extensionKeys = [
  'tags',
  'retention',
  'stored',
  'template',
  'revision',
  'integrity',
] as const;
export type ExtensionKey = (typeof extensionKeys)[number];

const shapes = {
  tags: isTags,
  retention: isRetention,
  stored: isStored,
  template: isTemplate,
  revision: isRevision,
  integrity: isIntegrity,
} as const satisfies Record<ExtensionKey, (value: JsonValue) => boolean>;

const retentionInstants = ['expires_at', 'finalized_at', 'retain_until'] as const;
const holdFields = ['id', 'reason', 'placed_by', 'placed_at'] as const;
const encodings: readonly unknown[] = ['identity', 'gzip', 'br', 'zstd'];

/** True when the document has this extension key and its value has the shape. */
export function hasExtension(document: JsonObject, key: ExtensionKey): boolean {
  const value = memberOf(document, key);
  return value !== undefined && shapes[key](value);
}

/** Reads the extension keys; what does not have its shape is left out. */
export function extensionsOf(attributes: Attributes): AttributeExtensions {
  const tags = memberOf(attributes, 'tags');
  const retention = memberOf(attributes, 'retention');
  const stored = memberOf(attributes, 'stored');
  const template = memberOf(attributes, 'template');
  const revision = memberOf(attributes, 'revision');
  return {
    tags: isTags(tags) ? tags : [],
    retention: isRetention(retention) ? retention : null,
    isRetentionReadable: retention === undefined || isRetention(retention),
    stored: isStored(stored) ? stored : null,
    template: isTemplate(template) ? template : null,
    revision: isRevision(revision) ? revision : null,
  };
}

/** Instants of a readable retention in the one form that we write; any other value as it is. */
export function normalizeRetention(retention: JsonValue): JsonValue {
  if (!isRetention(retention)) return retention;
  const instants = retentionInstants
    .filter((key) => typeof retention[key] === 'string')
    .map((key) => [key, parseInstant(String(retention[key]))] as const);
  const holds = retention.legal_holds?.map((hold) => ({
    ...hold,
    placed_at: parseInstant(hold.placed_at) ?? hold.placed_at,
  }));
  return {
    ...retention,
    ...Object.fromEntries(instants),
    ...(holds === undefined ? {} : { legal_holds: holds }),
  };
}

/** A member of the document itself, never something inherited. */
export function memberOf(document: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(document, key) ? document[key] : undefined;
}

function isTags(value: JsonValue | undefined): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= limits.tagCount &&
    value.every((tag) => typeof tag === 'string' && charLength(tag) <= limits.tagLengthChars)
  );
}

function isRetention(value: JsonValue | undefined): value is Retention {
  if (!isJsonObject(value)) return false;
  const policy = memberOf(value, 'policy');
  if (policy !== 'temporary' && policy !== 'permanent') return false;
  const hasInstants = retentionInstants.every((key) => {
    const instant = memberOf(value, key) ?? null;
    return instant === null || isInstantText(instant);
  });
  return hasInstants && isHolds(memberOf(value, 'legal_holds'));
}

function isHolds(value: JsonValue | undefined): boolean {
  if (value === undefined) return true;
  return (
    Array.isArray(value) &&
    (value as readonly JsonValue[]).every(
      (hold) =>
        isJsonObject(hold) &&
        holdFields.every((field) => typeof memberOf(hold, field) === 'string') &&
        isInstantText(memberOf(hold, 'placed_at')),
    )
  );
}

function isStored(value: JsonValue | undefined): value is StoredForm {
  if (!isJsonObject(value)) return false;
  const checksum = memberOf(value, 'checksum');
  const size = memberOf(value, 'size');
  return (
    encodings.includes(memberOf(value, 'encoding')) &&
    Number.isSafeInteger(size) &&
    Number(size) >= 0 &&
    typeof checksum === 'string' &&
    /^[0-9a-f]{64}$/.test(checksum)
  );
}

function isTemplate(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && /^[^@]+@[1-9]\d{0,8}$/.test(value);
}

function isRevision(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

/** Loose on purpose: a damaged digest must be found invalid, not taken for a stranger. */
function isIntegrity(value: JsonValue | undefined): value is JsonObject {
  return (
    isJsonObject(value) &&
    typeof memberOf(value, 'algorithm') === 'string' &&
    typeof memberOf(value, 'digest') === 'string'
  );
}

function isInstantText(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && parseInstant(value) !== null;
}

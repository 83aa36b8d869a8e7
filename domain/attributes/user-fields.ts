import type { Fault } from '#domain/errors.ts';
import { compareInstants, parseInstant, type Instant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { isJsonObject, isRawNumber, numberOf } from '#domain/strict-json.ts';
import { charLength } from '#domain/text-length.ts';

/** What a caller may say about a file. */
export interface UserFields {
  readonly description: string | null;
  readonly version: string | null;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly customAttributes: JsonObject;
}

/** How long a file is to live. */
export type RetentionChoice =
  | { readonly policy: 'temporary'; readonly ttlDays: number }
  | { readonly policy: 'permanent'; readonly retainUntil: Instant | null };

/** Values as they were sent, by their names in JSON; absent and null mean the same. */
export interface SentUserFields {
  readonly description?: JsonValue | undefined;
  readonly version?: JsonValue | undefined;
  readonly tags?: JsonValue | undefined;
  readonly metadata?: JsonValue | undefined;
  readonly custom_attributes?: JsonValue | undefined;
}

export interface SentRetentionFields {
  readonly retention_policy?: JsonValue | undefined;
  readonly ttl_days?: JsonValue | undefined;
  readonly retain_until?: JsonValue | undefined;
}

export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Checks all fields and gives all faults, each with its JSON Pointer (`/tags/3`). */
export function checkUserFields(sent: SentUserFields): Checked<UserFields> {
  const faults: Fault[] = [];
  const value: UserFields = {
    description: checkText(sent.description, { pointer: '/description', faults }),
    version: checkText(sent.version, {
      pointer: '/version',
      faults,
      maxChars: limits.versionChars,
    }),
    tags: checkTags(sent.tags, faults),
    metadata: checkFreeObject(sent.metadata, '/metadata', faults),
    customAttributes: checkFreeObject(sent.custom_attributes, '/custom_attributes', faults),
  };
  return faults.length === 0 ? { ok: true, value } : { ok: false, faults };
}

/** Temporary for `limits.ttlDaysDefault` days unless something else is said. */
export function checkRetentionFields(
  sent: SentRetentionFields,
  createdAt: Instant,
): Checked<RetentionChoice> {
  const faults: Fault[] = [];
  const policy = sent.retention_policy ?? 'temporary';
  if (policy !== 'temporary' && policy !== 'permanent') {
    faults.push({ pointer: '/retention_policy', message: 'must be "temporary" or "permanent"' });
  }
  const ttlDays = checkTtl(sent.ttl_days, faults);
  const retainUntil = checkRetainUntil(sent.retain_until, createdAt, faults);
  if (policy === 'permanent' && ttlDays !== null) {
    faults.push({ pointer: '/ttl_days', message: 'is for temporary files only' });
  }
  if (policy === 'temporary' && retainUntil !== null) {
    faults.push({ pointer: '/retain_until', message: 'is for permanent files only' });
  }
  if (faults.length > 0) return { ok: false, faults };
  return {
    ok: true,
    value:
      policy === 'permanent'
        ? { policy, retainUntil }
        : { policy: 'temporary', ttlDays: ttlDays ?? limits.ttlDaysDefault },
  };
}

function checkTtl(sent: JsonValue | undefined, faults: Fault[]): number | null {
  if ((sent ?? null) === null) return null;
  const days = numberOf(sent);
  const { ttlDaysMin, ttlDaysMax } = limits;
  if (days !== null && Number.isInteger(days) && days >= ttlDaysMin && days <= ttlDaysMax) {
    return days;
  }
  const message = `must be an integer from ${ttlDaysMin} to ${ttlDaysMax}`;
  faults.push({ pointer: '/ttl_days', message });
  return null;
}

function checkRetainUntil(
  sent: JsonValue | undefined,
  createdAt: Instant,
  faults: Fault[],
): Instant | null {
  if ((sent ?? null) === null) return null;
  const instant = typeof sent === 'string' ? parseInstant(sent) : null;
  const pointer = '/retain_until';
  if (instant === null) faults.push({ pointer, message: 'must be an ISO 8601 instant' });
  else if (compareInstants(instant, createdAt) <= 0) {
    faults.push({ pointer, message: 'must lie in the future' });
  }
  return instant;
}

interface TextRule {
  readonly pointer: string;
  readonly faults: Fault[];
  readonly maxChars?: number;
}

function checkText(sent: JsonValue | undefined, rule: TextRule): string | null {
  const { pointer, faults, maxChars } = rule;
  if ((sent ?? null) === null) return null;
  if (typeof sent !== 'string') {
    faults.push({ pointer, message: 'must be a string' });
    return null;
  }
  checkCharacters(sent, pointer, faults);
  if (maxChars !== undefined && charLength(sent) > maxChars) {
    faults.push({ pointer, message: `must have at most ${maxChars} characters` });
  }
  return sent;
}

function checkTags(sent: JsonValue | undefined, faults: Fault[]): readonly string[] {
  if ((sent ?? null) === null) return [];
  if (!Array.isArray(sent)) {
    faults.push({ pointer: '/tags', message: 'must be an array of strings' });
    return [];
  }
  if (sent.length > limits.tagCount) {
    faults.push({ pointer: '/tags', message: `must have at most ${limits.tagCount} items` });
  }
  const tags: string[] = [];
  for (const [index, tag] of (sent as readonly JsonValue[]).slice(0, limits.tagCount).entries()) {
    const rule = { pointer: `/tags/${index}`, faults, maxChars: limits.tagLengthChars };
    const text = checkText(tag, rule);
    if (text === null && tag === null)
      faults.push({ pointer: rule.pointer, message: 'must be a string' });
    if (text === '') faults.push({ pointer: rule.pointer, message: 'must not be empty' });
    if (text !== null) tags.push(text);
  }
  return tags;
}

function checkFreeObject(
  sent: JsonValue | undefined,
  pointer: string,
  faults: Fault[],
): JsonObject {
  if ((sent ?? null) === null) return {};
  if (!isJsonObject(sent)) {
    faults.push({ pointer, message: 'must be an object' });
    return {};
  }
  // The sidecar around it is one level itself.
  checkFreeValue(sent, { pointer, faults, levels: limits.jsonDepth - 1 });
  return sent;
}

interface FreePlace {
  readonly pointer: string;
  readonly faults: Fault[];
  readonly levels: number;
}

function checkFreeValue(value: JsonValue, place: FreePlace): void {
  const { pointer, faults, levels } = place;
  if (typeof value === 'string') return checkCharacters(value, pointer, faults);
  if (isRawNumber(value)) return checkMagnitude(value.rawJSON, pointer, faults);
  if (typeof value !== 'object' || value === null) return;
  if (levels === 0) {
    faults.push({ pointer, message: `is nested deeper than ${limits.jsonDepth} levels` });
    return;
  }
  for (const [key, member] of Object.entries(value as JsonObject)) {
    const memberPointer = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    checkCharacters(key, memberPointer, faults);
    if (member !== undefined) {
      checkFreeValue(member, { pointer: memberPointer, faults, levels: levels - 1 });
    }
  }
}

/** Neither can stand in every index and database that reads the sidecar. */
function checkCharacters(text: string, pointer: string, faults: Fault[]): void {
  if (text.includes('\0')) faults.push({ pointer, message: 'must not contain NUL' });
  if (!text.isWellFormed()) {
    faults.push({ pointer, message: 'must not contain half of a surrogate pair' });
  }
}

/** Digits are kept, however many; but what others read as Infinity or as zero is refused. */
function checkMagnitude(source: string, pointer: string, faults: Fault[]): void {
  const number = Number(source);
  const isZero = /^-?0(?:\.0+)?(?:[eE].*)?$/.test(source);
  if (!Number.isFinite(number) || (number === 0 && !isZero)) {
    faults.push({ pointer, message: 'is too large or too small a number' });
  }
}

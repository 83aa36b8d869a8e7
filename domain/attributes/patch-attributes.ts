import type { Attributes, Retention } from '#domain/attributes/attributes-types.ts';
import { extensionsOf, hasExtension, memberOf } from '#domain/attributes/extensions.ts';
import { mergePatch } from '#domain/attributes/merge-patch.ts';
import { patchRetention } from '#domain/attributes/patch-retention.ts';
import { checkUserFields } from '#domain/attributes/user-fields.ts';
import { DomainError, type Fault } from '#domain/errors.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { isJsonObject } from '#domain/strict-json.ts';

/** What a merge patch of a file may name. */
export const patchableFields = [
  'description',
  'version',
  'tags',
  'metadata',
  'custom_attributes',
  'retention',
] as const;
type PatchableField = (typeof patchableFields)[number];

/** Of these a patch may take the value away; the sidecar has no null for the others. */
const nullableFields: readonly string[] = ['description', 'version', 'metadata'];

export type PatchOutcome =
  /** Everything is as the patch wants it: there is nothing to write. */
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'changed';
      readonly attributes: Attributes;
      /** Such a change may use the bytes that are kept free for it. */
      readonly isOfRetentionOnly: boolean;
      readonly changesCustomAttributes: boolean;
    };

/**
 * Applies a JSON merge patch to the attributes of a file. Keys that we do not know stay as they
 * are, numbers keep their digits; the result has the next revision and an explicit retention.
 * @param now becomes `updated_at`.
 * @throws DomainError `REQUEST_INVALID` with every fault and its JSON Pointer into the patch
 */
export function patchAttributes(
  attributes: Attributes,
  patch: JsonValue,
  now: Instant,
): PatchOutcome {
  if (!isJsonObject(patch)) throw refuse([{ pointer: '', message: 'must be an object' }]);
  const retention = patchRetention(attributes, memberOf(patch, 'retention'), now);
  const faults = [
    ...faultsOfNames(attributes, patch),
    ...faultsOfValues(patch),
    ...(retention.ok ? [] : retention.faults),
  ];
  if (faults.length > 0 || !retention.ok) throw refuse(faults);
  const changes = changesOf(attributes, patch);
  const { value: newRetention } = retention;
  if (changes.length === 0 && newRetention === null) return { kind: 'unchanged' };
  return {
    kind: 'changed',
    isOfRetentionOnly: changes.length === 0,
    changesCustomAttributes: changes.some(([name]) => name === 'custom_attributes'),
    attributes: rewrite(attributes, { changes, retention: newRetention, now }),
  };
}

interface Rewrite {
  readonly changes: readonly (readonly [name: string, value: JsonValue])[];
  readonly retention: Retention | null;
  readonly now: Instant;
}

function rewrite(attributes: Attributes, { changes, retention, now }: Rewrite): Attributes {
  const { revision } = extensionsOf(attributes);
  // A key of that name which somebody else uses for something else is kept like any unknown key.
  const isFree = (name: string) => memberOf(attributes, name) === undefined;
  return {
    ...attributes,
    ...Object.fromEntries(changes),
    updated_at: now,
    ...((revision !== null || isFree('revision')) && { revision: (revision ?? 1) + 1 }),
    // Whoever rewrites an old sidecar says what its silence meant: permanent.
    ...(isFree('retention') && { retention: { policy: 'permanent' } }),
    ...(retention !== null && { retention }),
  };
}

function changesOf(attributes: Attributes, patch: JsonObject): Rewrite['changes'] {
  return patchableFields
    .filter((name) => name !== 'retention' && memberOf(patch, name) !== undefined)
    .map((name) => [name, patchedValue(attributes, patch, name)] as const)
    .filter(([name, value]) => !isSame(memberOf(attributes, name), value));
}

function patchedValue(attributes: Attributes, patch: JsonObject, name: PatchableField): JsonValue {
  const value = memberOf(patch, name) ?? null;
  if (value !== null) return mergePatch(memberOf(attributes, name), value);
  return name === 'metadata' ? {} : null;
}

/** By their texts: 1.10 and 1.1 differ, since digits are kept. */
function isSame(before: JsonValue | undefined, after: JsonValue): boolean {
  if (before === undefined) return Array.isArray(after) && after.length === 0;
  return JSON.stringify(before) === JSON.stringify(after);
}

function faultsOfNames(attributes: Attributes, patch: JsonObject): Fault[] {
  const faults: Fault[] = [];
  for (const name of Object.keys(patch)) {
    const pointer = pointerTo('', name);
    if (!isPatchable(name)) {
      const isKnown = memberOf(attributes, name) !== undefined || shownFields.includes(name);
      const message = isKnown ? 'cannot be changed' : 'is not an attribute of files';
      faults.push({ pointer, message });
    } else if (memberOf(patch, name) === null && !nullableFields.includes(name)) {
      faults.push({ pointer, message: 'must not be null' });
    } else if (name === 'tags' && isTakenByStranger(attributes)) {
      faults.push({ pointer, message: 'the sidecar of this file uses the key for something else' });
    }
  }
  return faults;
}

/** Members of a file as the API shows it that are not members of its sidecar. */
const shownFields: readonly string[] = [
  'created_by',
  'template',
  'storage',
  'stored',
  'revision',
  'integrity',
  'state',
  'verified_at',
  'links',
];

function isPatchable(name: string): name is PatchableField {
  return (patchableFields as readonly string[]).includes(name);
}

/** `tags` that are not a list of texts are somebody else's: kept, never overwritten. */
function isTakenByStranger(attributes: Attributes): boolean {
  return memberOf(attributes, 'tags') !== undefined && !hasExtension(attributes, 'tags');
}

/** The values themselves, null where it means "take it away" left out. */
function faultsOfValues(patch: JsonObject): readonly Fault[] {
  const checked = checkUserFields({
    description: memberOf(patch, 'description'),
    version: memberOf(patch, 'version'),
    tags: memberOf(patch, 'tags'),
    metadata: memberOf(patch, 'metadata'),
    custom_attributes: memberOf(patch, 'custom_attributes'),
  });
  return checked.ok ? [] : checked.faults;
}

function refuse(faults: readonly Fault[]): DomainError {
  return new DomainError('REQUEST_INVALID', 'The patch is not valid; see the list of faults.', {
    details: { faults },
  });
}

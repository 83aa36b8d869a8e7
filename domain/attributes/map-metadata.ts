import { memberOf } from '#domain/attributes/extensions.ts';
import { DomainError, type Fault } from '#domain/errors.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import type { MappingPolicy } from '#domain/ports/migration-lifecycle.ts';

export interface MetadataMapping {
  /** Key of `metadata` → key of `custom_attributes`. */
  readonly keys: Readonly<Record<string, string>>;
  readonly policy: MappingPolicy;
}

export interface MappedMembers {
  readonly metadata: JsonObject;
  readonly custom_attributes: JsonObject;
}

/**
 * Moves members of `metadata` to where the mapping wants them; what it does not name, or what is
 * not there, stays. With `keep` a member whose place is taken stays in `metadata`: nothing is ever
 * lost but what `replace` replaces. Pure; mapping what was mapped before changes nothing.
 * @throws DomainError `ATTRIBUTES_MAPPING_CONFLICT` naming every place that is taken, with `refuse`
 */
export function mapMetadata(members: MappedMembers, mapping: MetadataMapping): MappedMembers {
  const metadata = new Map(Object.entries(members.metadata));
  const custom = new Map(Object.entries(members.custom_attributes));
  const faults: Fault[] = [];
  for (const [key, name] of Object.entries(mapping.keys)) {
    const value = memberOf(members.metadata, key);
    if (value === undefined) continue;
    const standing = custom.get(name);
    const isTaken = standing !== undefined && !isSame(standing, value);
    if (isTaken && mapping.policy === 'keep') continue;
    if (isTaken && mapping.policy === 'refuse') {
      faults.push({
        pointer: pointerTo('/custom_attributes', name),
        message: 'is there already, with another value',
      });
    }
    custom.set(name, value);
    metadata.delete(key);
  }
  if (faults.length > 0) {
    const names = faults.map(({ pointer }) => pointer).join(', ');
    throw new DomainError(
      'ATTRIBUTES_MAPPING_CONFLICT',
      `The mapping would replace what is there: ${names}.`,
      { details: { faults } },
    );
  }
  return {
    metadata: Object.fromEntries(metadata),
    custom_attributes: Object.fromEntries(custom),
  };
}

/** By their texts: 1.10 and 1.1 differ, since digits are kept. */
function isSame(one: JsonValue, other: JsonValue): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

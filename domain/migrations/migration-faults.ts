import type { AttributesVersions } from '#domain/attributes/versions.ts';
import type { Fault } from '#domain/errors.ts';
import { compareInstants, type Instant } from '#domain/instant.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { limits } from '#domain/limits.ts';
import { charLength } from '#domain/text-length.ts';

/** What was asked for, as far as it has its form: a member without it is undefined here. */
export interface AskedMigration {
  readonly sourceVersion: string | undefined;
  readonly targetVersion: string | undefined;
  readonly createdFrom: Instant | null;
  readonly createdTo: Instant | null;
  readonly mapping: Readonly<Record<string, string>> | undefined;
}

/** Why a run could never do what is asked, every fault with its JSON Pointer into the request. */
export function findMigrationFaults(
  asked: AskedMigration,
  versions: AttributesVersions,
): readonly Fault[] {
  return [
    ...faultsOfVersions(asked, versions),
    ...faultsOfRange(asked),
    ...faultsOfMapping(Object.entries(asked.mapping ?? {})),
  ];
}

/**
 * Only the newest version can be the target: whatever rewrites a sidecar writes it in that form,
 * and every reader sees it so already.
 */
function faultsOfVersions(
  { sourceVersion, targetVersion }: AskedMigration,
  versions: AttributesVersions,
): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [pointer, version] of [
    ['/source_version', sourceVersion],
    ['/target_version', targetVersion],
  ] as const) {
    if (version !== undefined && versions.find(version) === null) {
      faults.push({ pointer, message: `must be one of ${JSON.stringify(versions.names)}` });
    }
  }
  if (faults.length > 0 || targetVersion === undefined) return faults;
  const pointer = '/target_version';
  if (sourceVersion !== undefined && versions.compare(sourceVersion, targetVersion) >= 0) {
    return [{ pointer, message: 'must be newer than the source version' }];
  }
  const { version: newest } = versions.newest;
  return targetVersion === newest
    ? []
    : [{ pointer, message: `must be the version that is written now, ${JSON.stringify(newest)}` }];
}

function faultsOfRange({ createdFrom, createdTo }: AskedMigration): readonly Fault[] {
  if (createdFrom === null || createdTo === null) return [];
  if (compareInstants(createdFrom, createdTo) <= 0) return [];
  return [{ pointer: '/selection/created_at', message: 'ends before it begins' }];
}

function faultsOfMapping(mapping: readonly (readonly [string, string])[]): readonly Fault[] {
  const faults: Fault[] = [];
  const targets = new Map<string, string>();
  for (const [key, target] of mapping) {
    const pointer = pointerTo('/mapping', key);
    const fault = faultOfKey(key);
    if (fault !== null) faults.push({ pointer, message: `its key ${fault}` });
    const targetFault = target === '' ? 'must not be empty' : faultOfKey(target);
    if (targetFault !== null) faults.push({ pointer, message: targetFault });
    const other = targets.get(target);
    if (other === undefined) targets.set(target, key);
    else faults.push({ pointer, message: `leads where ${JSON.stringify(other)} leads already` });
  }
  return faults;
}

/** Of a key that no sidecar can have. */
function faultOfKey(key: string): string | null {
  if (charLength(key) > limits.migrationMappingKeyChars) {
    return `must not have more than ${limits.migrationMappingKeyChars} characters`;
  }
  return key.includes('\0') || !key.isWellFormed()
    ? 'must not contain NUL or half of a surrogate pair'
    : null;
}

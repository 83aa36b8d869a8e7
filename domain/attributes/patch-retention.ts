import type { Attributes, Retention } from '#domain/attributes/attributes-types.ts';
import { extensionsOf, memberOf } from '#domain/attributes/extensions.ts';
import type { Checked } from '#domain/attributes/user-fields.ts';
import type { Fault } from '#domain/errors.ts';
import { addDays, compareInstants, parseInstant, type Instant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { limits } from '#domain/limits.ts';
import { isJsonObject } from '#domain/strict-json.ts';

/**
 * `retain_until` may only move later; `expires_at` is for temporary files, in the future and no
 * further away than the longest life of an upload. Nothing else of the record is a caller's.
 * @returns null when the record stays as it is.
 */
export function patchRetention(
  attributes: Attributes,
  patch: JsonValue | undefined,
  now: Instant,
): Checked<Retention | null> {
  if (patch === undefined || patch === null) return { ok: true, value: null };
  if (!isJsonObject(patch))
    return refused([{ pointer: '/retention', message: 'must be an object' }]);
  const { retention, isRetentionReadable } = extensionsOf(attributes);
  // A retention record that cannot be read locks the file.
  if (!isRetentionReadable) {
    const message = 'the record of this file cannot be read and locks it';
    return refused([{ pointer: '/retention', message }]);
  }
  const record: Retention = retention ?? { policy: 'permanent' };
  const faults = faultsOfNames(patch);
  const changes = {
    ...checkRetainUntil(record, patch, { now, faults }),
    ...checkExpiresAt(record, patch, { now, faults }),
  };
  if (faults.length > 0) return refused(faults);
  const isChanged = Object.keys(changes).length > 0;
  return { ok: true, value: isChanged ? { ...record, ...changes } : null };
}

interface Check {
  readonly now: Instant;
  readonly faults: Fault[];
}

function checkRetainUntil(
  record: Retention,
  patch: JsonObject,
  { now, faults }: Check,
): { retain_until?: Instant } {
  const pointer = '/retention/retain_until';
  const wanted = readInstant(patch, 'retain_until', faults);
  const current = record.retain_until ?? null;
  if (wanted === null || wanted === current) return {};
  if (current !== null && compareInstants(wanted, current) < 0) {
    faults.push({ pointer, message: 'can only be moved later' });
  } else if (compareInstants(wanted, now) <= 0) {
    faults.push({ pointer, message: 'must lie in the future' });
  }
  return { retain_until: wanted };
}

function checkExpiresAt(
  record: Retention,
  patch: JsonObject,
  { now, faults }: Check,
): { expires_at?: Instant } {
  const pointer = '/retention/expires_at';
  if (record.policy !== 'temporary' && memberOf(patch, 'expires_at') !== undefined) {
    faults.push({ pointer, message: 'is for temporary files only' });
    return {};
  }
  const wanted = readInstant(patch, 'expires_at', faults);
  if (wanted === null || wanted === (record.expires_at ?? null)) return {};
  if (compareInstants(wanted, now) <= 0) {
    faults.push({ pointer, message: 'must lie in the future' });
  } else if (compareInstants(wanted, addDays(now, limits.ttlDaysMax)) > 0) {
    const message = `must lie at most ${limits.ttlDaysMax} days in the future`;
    faults.push({ pointer, message });
  }
  return { expires_at: wanted };
}

/** Neither can be taken away: an end of protection is never a matter of a patch. */
function readInstant(patch: JsonObject, name: string, faults: Fault[]): Instant | null {
  const value = memberOf(patch, name);
  if (value === undefined) return null;
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  if (instant === null) {
    const message = value === null ? 'must not be null' : 'must be an ISO 8601 instant';
    faults.push({ pointer: `/retention/${name}`, message });
  }
  return instant;
}

function faultsOfNames(patch: JsonObject): Fault[] {
  return Object.keys(patch)
    .filter((name) => name !== 'retain_until' && name !== 'expires_at')
    .map((name) => ({
      pointer: pointerTo('/retention', name),
      message: 'cannot be changed by a patch',
    }));
}

function refused(faults: readonly Fault[]): Checked<never> {
  return { ok: false, faults };
}

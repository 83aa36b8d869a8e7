import test from 'ava';
import * as fc from 'fast-check';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { hasExtension, memberOf } from '#domain/attributes/extensions.ts';
import { isDomainError, type DomainError, type Fault } from '#domain/errors.ts';
import { addDays, parseInstant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { parseStrictJson } from '#domain/strict-json.ts';
import { arbitraryAttributes, arbitraryObject } from '#test/support/arbitrary-attributes.ts';
import { patchableFields, patchAttributes } from './patch-attributes.ts';

const now = parseInstant('2026-06-01T12:00:00.5Z')!;
const later = addDays(now, 1);

const arbitraryText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const arbitraryPatch = fc.record(
  {
    description: fc.option(arbitraryText),
    version: fc.option(arbitraryText),
    metadata: fc.option(arbitraryObject),
    custom_attributes: arbitraryObject,
    tags: fc.array(arbitraryText, { maxLength: 4 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;

const text = (value: JsonValue | undefined) => JSON.stringify(value);

/** Null: nothing to write, or refused; both are others' tests. */
function patched(attributes: Attributes, patch: JsonValue, at = now): Attributes | null {
  try {
    const outcome = patchAttributes(attributes, patch, at);
    return outcome.kind === 'changed' ? outcome.attributes : null;
  } catch (error) {
    if (!isDomainError(error, 'REQUEST_INVALID')) throw error;
    return null;
  }
}

function faultsOf(attributes: JsonObject, patch: JsonValue): readonly Fault[] {
  try {
    patchAttributes(attributes as Attributes, patch, now);
    return [];
  } catch (error) {
    return (error as DomainError).details.faults ?? [];
  }
}

const mayChange: readonly string[] = [...patchableFields, 'updated_at', 'revision'];

test('keys that are not of the patch stay as they are, to the digit', (t) => {
  fc.assert(
    fc.property(arbitraryAttributes, arbitraryPatch, (attributes, patch) => {
      const result = patched(attributes, patch);
      if (result === null) return true;
      const names = Object.keys(attributes).filter((name) => !mayChange.includes(name));
      const unnamed = patchableFields.filter(
        (name) => memberOf(patch, name) === undefined && name !== 'retention',
      );
      return [...names, ...unnamed].every((name) => text(result[name]) === text(attributes[name]));
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('the same patch again finds nothing to write', (t) => {
  fc.assert(
    fc.property(arbitraryAttributes, arbitraryPatch, (attributes, patch) => {
      const result = patched(attributes, patch);
      return result === null || patchAttributes(result, patch, later).kind === 'unchanged';
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('a change counts up, says when, and makes the retention explicit', (t) => {
  fc.assert(
    fc.property(arbitraryAttributes, arbitraryPatch, (attributes, patch) => {
      const result = patched(attributes, patch);
      if (result === null) return true;
      const revision = memberOf(attributes, 'revision');
      const isStrange = revision !== undefined && !hasExtension(attributes, 'revision');
      const next = isStrange ? revision : ((revision as number | undefined) ?? 1) + 1;
      const retention = memberOf(attributes, 'retention') ?? { policy: 'permanent' };
      return (
        result.updated_at === now &&
        text(result['revision']) === text(next) &&
        (memberOf(attributes, 'retention') === null ||
          text(result['retention']) === text(retention))
      );
    }),
    { numRuns: 500 },
  );
  t.pass();
});

const base: JsonObject = {
  description: null,
  version: '1',
  metadata: parseStrictJson('{"n":1.10,"o":{"a":1}}'),
  custom_attributes: {},
  tags: ['a'],
  revision: 4,
  retention: { policy: 'temporary', expires_at: '2026-06-20T00:00:00+00:00', note: 'kept' },
};

test('the digits of a number are part of its value', (t) => {
  const same = parseStrictJson('{"metadata":{"n":1.10}}');
  t.is(patchAttributes(base as Attributes, same, now).kind, 'unchanged');
  const other = parseStrictJson('{"metadata":{"n":1.1}}');
  t.is(patchAttributes(base as Attributes, other, now).kind, 'changed');
});

test('only a change of retention may use the room that is kept for it', (t) => {
  const expires = { retention: { expires_at: '2026-07-01T00:00:00Z' } };
  t.like(patchAttributes(base as Attributes, expires, now), {
    isOfRetentionOnly: true,
    attributes: {
      revision: 5,
      retention: { policy: 'temporary', expires_at: '2026-07-01T00:00:00+00:00', note: 'kept' },
    },
  });
  const both = { ...expires, version: '2' };
  t.like(patchAttributes(base as Attributes, both, now), { isOfRetentionOnly: false });
  // A member that is sent as it is does not make it another change.
  const same = { ...expires, version: '1' };
  t.like(patchAttributes(base as Attributes, same, now), { isOfRetentionOnly: true });
});

test('retain_until of a temporary file, and of one without a record', (t) => {
  const patch = { retention: { retain_until: '2027-01-01T03:00:00+03:00' } };
  t.like(patchAttributes(base as Attributes, patch, now), {
    attributes: { retention: { retain_until: '2027-01-01T00:00:00+00:00' } },
  });
  const { retention: _, ...silent } = base;
  t.like(patchAttributes(silent as Attributes, patch, now), {
    attributes: { retention: { policy: 'permanent', retain_until: '2027-01-01T00:00:00+00:00' } },
  });
  const past = { retention: { retain_until: '2026-06-01T12:00:00.5Z' } };
  t.deepEqual(faultsOf(base, past), [
    { pointer: '/retention/retain_until', message: 'must lie in the future' },
  ]);
  // The same instant again is no move, be it in the past.
  const over = {
    ...base,
    retention: { policy: 'permanent', retain_until: '2020-01-01T00:00:00+00:00' },
  };
  const same = { retention: { retain_until: '2020-01-01T00:00:00Z' } };
  t.is(patchAttributes(over as unknown as Attributes, same, now).kind, 'unchanged');
});

test('a key called __proto__ is an unknown member', (t) => {
  const faults = faultsOf(base, parseStrictJson('{"__proto__":{"tags":["x"]}}'));
  t.deepEqual(faults, [{ pointer: '/__proto__', message: 'is not an attribute of files' }]);
});

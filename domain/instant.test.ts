import test from 'ava';
import * as fc from 'fast-check';

import {
  addDays,
  compareInstants,
  instantFromMillis,
  instantToMillis,
  parseInstant,
  presentInstant,
  type Instant,
} from '#domain/instant.ts';
import { arbitraryInstant } from '#test/support/arbitrary-attributes.ts';

const read: [text: string, instant: string | null][] = [
  ['2026-01-13T08:17:28.123456+00:00', '2026-01-13T08:17:28.123456+00:00'],
  ['2026-01-13T08:17:28Z', '2026-01-13T08:17:28+00:00'],
  ['2026-01-13t08:17:28z', null],
  ['2026-01-13 08:17:28', '2026-01-13T08:17:28+00:00'],
  ['2026-01-13T08:17:28,5+0300', '2026-01-13T05:17:28.5+00:00'],
  ['2026-01-01T00:30:00+01', '2025-12-31T23:30:00+00:00'],
  ['2025-12-31T23:30:00.100-01:30', '2026-01-01T01:00:00.100+00:00'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00+00:00'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00+00:00'],
  ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999999999+00:00'],
  ['0000-01-01T00:00:00+01:00', null],
  ['9999-12-31T23:59:59-01:00', null],
  ['2025-02-29T00:00:00Z', null],
  ['1900-02-29T00:00:00Z', null],
  ['2025-02-31T00:00:00Z', null],
  ['2025-13-01T00:00:00Z', null],
  ['2025-00-10T00:00:00Z', null],
  ['2025-01-01T24:00:00Z', null],
  ['2025-01-01T25:00:00Z', null],
  ['2025-01-01T00:60:00Z', null],
  ['2025-01-01T00:00:60Z', null],
  ['2025-01-01T00:00:00+24:00', null],
  ['2025-01-01T00:00:00+00:60', null],
  ['2025-01-01', null],
  ['2025-01-01T00:00Z', null],
  ['2025-01-01T00:00:00.Z', null],
  [' 2025-01-01T00:00:00Z', null],
  ['2025-01-01T00:00:00Z\n', null],
  ['', null],
];

for (const [index, [text, instant]] of read.entries()) {
  test(`read ${index + 1}: ${JSON.stringify(text)}`, (t) =>
    t.is(parseInstant(text), instant as Instant | null));
}

test('property: an instant is read as itself, shown with Z and read back', (t) => {
  fc.assert(
    fc.property(arbitraryInstant, (instant) => {
      t.is(parseInstant(instant), instant);
      t.is(parseInstant(presentInstant(instant)), instant);
      t.true(presentInstant(instant).endsWith('Z'));
    }),
  );
});

test('property: milliseconds go both ways, whatever the zone of the machine', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (epochMs) => {
      t.is(instantToMillis(instantFromMillis(epochMs)), epochMs);
    }),
  );
  t.is(
    instantToMillis('2026-01-13T08:17:28.1239999+00:00' as Instant),
    Date.UTC(2026, 0, 13, 8, 17, 28, 123),
  );
  t.throws(() => instantToMillis('2026-01-13T08:17:28Z' as Instant), { instanceOf: RangeError });
});

test('property: the order is that of time, to the last digit', (t) => {
  fc.assert(
    fc.property(arbitraryInstant, arbitraryInstant, (a, b) => {
      t.is(Math.sign(compareInstants(a, b)), -Math.sign(compareInstants(b, a)) + 0);
      const [left, right] = [instantToMillis(a), instantToMillis(b)];
      if (left !== right) t.is(Math.sign(compareInstants(a, b)), Math.sign(left - right));
    }),
  );
  const at = (fraction: string) => `2026-01-13T08:17:28${fraction}+00:00` as Instant;
  t.true(compareInstants(at('.1234567891'), at('.1234567892')) < 0);
  t.is(compareInstants(at(''), at('.000')), 0);
  t.true(compareInstants(at(''), at('.0001')) < 0);
  t.true(compareInstants(at('.9'), at('.10')) > 0);
});

test('days are added across months and leap days, digits stay', (t) => {
  const add = (text: string, days: number) => addDays(text as Instant, days) as string;
  t.is(add('2024-02-28T23:59:59.123456789+00:00', 1), '2024-02-29T23:59:59.123456789+00:00');
  t.is(add('2025-12-31T00:00:00+00:00', 365), '2026-12-31T00:00:00+00:00');
  t.is(add('2025-03-30T00:30:00+00:00', 1), '2025-03-31T00:30:00+00:00');
});

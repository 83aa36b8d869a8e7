/**
 * A point in time as text, in the one form that sidecars carry: `2026-01-13T08:17:28.123456+00:00`.
 * As many fractional digits as the source had: an instant never goes through a `Date` on its way
 * through the system.
 */
declare const brand: unique symbol;
export type Instant = string & { readonly [brand]: 'Instant' };

const pattern =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,30}))?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;

/**
 * Reads ISO 8601 as it is met in sidecars: a space in place of `T` and a missing zone (UTC) are
 * accepted, any offset is turned into UTC.
 * @returns null for text that is not an instant (also 31 February and 25 o'clock).
 */
export function parseInstant(text: string): Instant | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const fields = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const localMs = utcMillis(fields);
  if (localMs === null) return null;
  const offsetMinutes = parseOffsetMinutes(zone);
  if (offsetMinutes === null) return null;
  const seconds = new Date(localMs - offsetMinutes * 60_000).toISOString().slice(0, 19);
  // Years outside 0000–9999 would change the shape of the text.
  if (seconds.length !== 19 || seconds.startsWith('-') || seconds.startsWith('+')) return null;
  return `${seconds}${fraction === undefined ? '' : `.${fraction}`}+00:00` as Instant;
}

function utcMillis(fields: [number, number, number, number, number, number]): number | null {
  const [year, month, day, hour, minute, second] = fields;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  date.setUTCFullYear(year, month - 1, day);
  const isSame =
    date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isSame ? date.getTime() : null;
}

function parseOffsetMinutes(zone: string | undefined): number | null {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0;
  const digits = zone.slice(1).replace(':', '');
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2) || '0');
  if (hours > 23 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** @param epochMs milliseconds since 1970, as a clock gives them. */
export function instantFromMillis(epochMs: number): Instant {
  return new Date(epochMs).toISOString().replace('Z', '+00:00') as Instant;
}

/** Milliseconds since 1970; digits beyond the millisecond are cut. */
export function instantToMillis(instant: Instant): number {
  const match = /^(.{19})(?:\.(\d+))?\+00:00$/.exec(instant);
  if (match === null) throw new RangeError('not an instant');
  return Date.parse(`${match[1]}Z`) + Number((match[2] ?? '').padEnd(3, '0').slice(0, 3));
}

/** The same instant as the API shows it, with `Z`. */
export function presentInstant(instant: Instant): string {
  return instant.replace(/\+00:00$/, 'Z');
}

/** Negative when `a` is earlier. Compares all digits. */
export function compareInstants(a: Instant, b: Instant): number {
  const seconds = a.slice(0, 19) < b.slice(0, 19) ? -1 : a.slice(0, 19) > b.slice(0, 19) ? 1 : 0;
  if (seconds !== 0) return seconds;
  const [left, right] = [fractionOf(a), fractionOf(b)];
  const length = Math.max(left.length, right.length);
  const [padded, other] = [left.padEnd(length, '0'), right.padEnd(length, '0')];
  return padded < other ? -1 : padded > other ? 1 : 0;
}

function fractionOf(instant: Instant): string {
  return instant.slice(20, -6);
}

/** Whole days later; fractional digits stay. */
export function addDays(instant: Instant, days: number): Instant {
  const seconds = Date.parse(`${instant.slice(0, 19)}Z`) + days * 86_400_000;
  return `${new Date(seconds).toISOString().slice(0, 19)}${instant.slice(19)}` as Instant;
}

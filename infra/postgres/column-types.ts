import { types } from 'pg';
import type { CustomTypesConfig } from 'pg';
import type { Instant } from '#domain/instant.ts';

const timestamptz = 1184;
const int8 = 20;
const json = 114;

/** How columns arrive: instants as text in the form of the domain, JSON as the text it is. */
const parsers = new Map<number, (text: string) => unknown>([
  [timestamptz, instantOfColumn],
  [int8, numberOfColumn],
  [json, textOfColumn],
]);

export const columnTypes: CustomTypesConfig = {
  getTypeParser: ((oid: Parameters<typeof types.getTypeParser>[0]) =>
    parsers.get(oid) ?? types.getTypeParser(oid)) as CustomTypesConfig['getTypeParser'],
};

/** `2026-01-13 08:17:28.123456+00` (the session's zone is UTC) → `2026-01-13T08:17:28.123456+00:00`. */
function instantOfColumn(text: string): Instant {
  return `${text.replace(' ', 'T')}:00` as Instant;
}

function numberOfColumn(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a column holds a number beyond 2^53');
  return value;
}

function textOfColumn(text: string): string {
  return text;
}

/** PostgreSQL knows no year 0: the least that it can hold stands for it. */
export function columnOfInstant(instant: string): string {
  return instant.startsWith('0000') ? '0001-01-01T00:00:00+00:00' : instant;
}

/** Text columns cannot hold U+0000; they are for finding, the exact text stands in `attributes`. */
export function columnOfText(text: string, maxChars: number): string {
  return text.slice(0, maxChars).replaceAll('\u0000', '\uFFFD');
}

import { DomainError } from '#domain/errors.ts';
import type { JsonArray, JsonObject, JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { isRawNumber } from '#domain/strict-json.ts';

/**
 * RFC 8785 (JSON Canonicalization Scheme): no white space, keys in the order of their UTF-16 code
 * units, strings and numbers as ECMAScript writes them. A number whose decimal value that form
 * would change (9007199254740993, 0.1000000000000000000001, 1e400) keeps its source text.
 * @throws DomainError `ATTRIBUTES_INVALID` when it is nested deeper than we would read again.
 */
export function canonicalizeJson(value: JsonValue): string {
  return canonicalize(value, 0);
}

function canonicalize(value: JsonValue, depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isRawNumber(value)) return canonicalizeNumber(value.rawJSON);
  requireDepth(depth + 1);
  if (Array.isArray(value)) {
    const items = (value as JsonArray).map((item) => canonicalize(item, depth + 1));
    return `[${items.join(',')}]`;
  }
  const object = value as JsonObject;
  const members: string[] = [];
  // The default order of sort is that of UTF-16 code units, as RFC 8785, 3.2.3 wants it.
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) {
      members.push(`${JSON.stringify(key)}:${canonicalize(member, depth + 1)}`);
    }
  }
  return `{${members.join(',')}}`;
}

function canonicalizeNumber(source: string): string {
  const text = JSON.stringify(Number(source));
  return text !== 'null' && decimalValue(text) === decimalValue(source) ? text : source;
}

/** One text for one decimal value: sign, digits without zeros at the ends, power of ten. */
function decimalValue(source: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source);
  if (match === null) throw new RangeError('not a JSON number');
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`;
  let start = 0;
  let end = digits.length;
  while (digits[start] === '0') start += 1;
  // Not by a pattern: /0+$/ takes quadratic time for a number of many zeros.
  while (end > start && digits[end - 1] === '0') end -= 1;
  const significant = digits.slice(start, end);
  if (significant === '') return '0';
  const zeros = digits.length - end;
  return `${sign}${significant}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(zeros)}`;
}

function requireDepth(depth: number): void {
  if (depth <= limits.jsonDepth) return;
  throw new DomainError(
    'ATTRIBUTES_INVALID',
    `The attributes are nested deeper than ${limits.jsonDepth} levels.`,
  );
}

import { DomainError } from '#domain/errors.ts';
import type { JsonArray, JsonObject, JsonValue, RawNumber } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber;
    isRawJSON(value: unknown): boolean;
  }
}

type Members = Record<string, JsonValue>;

/** A run of string characters that stand for themselves. */
// oxlint-disable-next-line no-control-regex
const plainCharacters = /[^"\\\u0000-\u001f]*/y;
const whitespace = /[ \t\n\r]*/y;
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escapeToken = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
/** Numbers that may not survive as a JavaScript number, in text that `JSON.stringify` wrote. */
const fragileNumber = /(?:^|":|[[,])\s*(?:-0|-?\d{16}|-?\d+[.eE])/;

/**
 * Parses JSON by the letter of RFC 8259 and stricter: a byte-order mark, a duplicate key, NaN,
 * Infinity, text after the value and nesting above `limits.jsonDepth` are refused. A number whose
 * text JavaScript would not write back the same way (12345678901234567890, 1.10) is kept as a
 * `RawNumber`. Keys such as `__proto__` become plain members.
 * @throws DomainError `ATTRIBUTES_MALFORMED`
 */
export function parseStrictJson(text: string): JsonValue {
  if (text.startsWith('\uFEFF')) throw malformed('It starts with a byte-order mark.');
  const scanner: Scanner = { text, position: 0 };
  skipWhitespace(scanner);
  if (scanner.position === text.length) throw malformed('It is empty.');
  const value = scanValue(scanner, 0);
  skipWhitespace(scanner);
  if (scanner.position < text.length) throw unexpected(scanner);
  return value;
}

/**
 * The same for bytes, which must be UTF-8.
 * @throws DomainError `ATTRIBUTES_MALFORMED`
 */
export function parseStrictJsonBytes(bytes: Uint8Array): JsonValue {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new DomainError('ATTRIBUTES_MALFORMED', 'It is not UTF-8.', { cause: error });
  }
  return parseStrictJson(text);
}

/**
 * Gives the same value for text that this system wrote with `JSON.stringify`, several times
 * faster: duplicate keys and depth are not looked at again.
 * @throws DomainError `ATTRIBUTES_MALFORMED`
 */
export function parseOwnJson(text: string): JsonValue {
  if (fragileNumber.test(text)) return parseStrictJson(text);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new DomainError('ATTRIBUTES_MALFORMED', 'It is not JSON.', { cause: error });
  }
}

export function isRawNumber(value: unknown): value is RawNumber {
  return JSON.isRawJSON(value);
}

/** True for objects proper: neither null, nor an array, nor a `RawNumber`. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
  );
}

/** The nearest JavaScript number of a JSON number in either form; null for everything else. */
export function numberOf(value: JsonValue | undefined): number | null {
  if (typeof value === 'number') return value;
  return isRawNumber(value) ? Number(value.rawJSON) : null;
}

interface Scanner {
  readonly text: string;
  position: number;
}

function scanValue(scanner: Scanner, depth: number): JsonValue {
  switch (scanner.text.charAt(scanner.position)) {
    case '{':
      return scanObject(scanner, depth + 1);
    case '[':
      return scanArray(scanner, depth + 1);
    case '"':
      return scanString(scanner);
    case 't':
      return scanWord(scanner, 'true', true);
    case 'f':
      return scanWord(scanner, 'false', false);
    case 'n':
      return scanWord(scanner, 'null', null);
    default:
      return scanNumber(scanner);
  }
}

function scanObject(scanner: Scanner, depth: number): JsonObject {
  requireDepth(depth);
  const members: Members = {};
  scanner.position += 1;
  skipWhitespace(scanner);
  if (take(scanner, '}')) return members;
  for (;;) {
    if (scanner.text[scanner.position] !== '"') throw unexpected(scanner);
    const key = scanString(scanner);
    if (Object.hasOwn(members, key)) throw malformed(`The key ${quoteKey(key)} stands twice.`);
    skipWhitespace(scanner);
    if (!take(scanner, ':')) throw unexpected(scanner);
    skipWhitespace(scanner);
    setMember(members, key, scanValue(scanner, depth));
    skipWhitespace(scanner);
    if (take(scanner, '}')) return members;
    if (!take(scanner, ',')) throw unexpected(scanner);
    skipWhitespace(scanner);
  }
}

function scanArray(scanner: Scanner, depth: number): JsonArray {
  requireDepth(depth);
  const items: JsonValue[] = [];
  scanner.position += 1;
  skipWhitespace(scanner);
  if (take(scanner, ']')) return items;
  for (;;) {
    items.push(scanValue(scanner, depth));
    skipWhitespace(scanner);
    if (take(scanner, ']')) return items;
    if (!take(scanner, ',')) throw unexpected(scanner);
    skipWhitespace(scanner);
  }
}

function scanString(scanner: Scanner): string {
  const { text } = scanner;
  const start = scanner.position;
  let hasEscapes = false;
  scanner.position += 1;
  for (;;) {
    scanner.position = endOf(plainCharacters, scanner);
    if (take(scanner, '"')) break;
    hasEscapes = true;
    scanner.position = endOf(escapeToken, scanner);
  }
  return hasEscapes
    ? (JSON.parse(text.slice(start, scanner.position)) as string)
    : text.slice(start + 1, scanner.position - 1);
}

function scanNumber(scanner: Scanner): number | RawNumber {
  const start = scanner.position;
  scanner.position = endOf(numberToken, scanner);
  const token = scanner.text.slice(start, scanner.position);
  const number = Number(token);
  return String(number) === token ? number : JSON.rawJSON(token);
}

function scanWord<Value>(scanner: Scanner, word: string, value: Value): Value {
  if (!scanner.text.startsWith(word, scanner.position)) throw unexpected(scanner);
  scanner.position += word.length;
  return value;
}

function skipWhitespace(scanner: Scanner): void {
  scanner.position = endOf(whitespace, scanner);
}

/** Where the token that starts here ends. */
function endOf(token: RegExp, scanner: Scanner): number {
  token.lastIndex = scanner.position;
  if (!token.test(scanner.text)) throw unexpected(scanner);
  return token.lastIndex;
}

function take(scanner: Scanner, character: string): boolean {
  if (scanner.text[scanner.position] !== character) return false;
  scanner.position += 1;
  return true;
}

/** An assignment to `__proto__` would change the prototype instead of adding a member. */
function setMember(members: Members, key: string, value: JsonValue): void {
  if (key !== '__proto__') members[key] = value;
  else
    Object.defineProperty(members, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

function requireDepth(depth: number): void {
  if (depth > limits.jsonDepth) {
    throw malformed(`It is nested deeper than ${limits.jsonDepth} levels.`);
  }
}

function unexpected(scanner: Scanner): DomainError {
  return malformed(
    scanner.position >= scanner.text.length
      ? 'It ends too early.'
      : `Character ${scanner.position} cannot stand where it stands.`,
  );
}

function malformed(detail: string): DomainError {
  return new DomainError('ATTRIBUTES_MALFORMED', detail);
}

function quoteKey(key: string): string {
  return JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
}

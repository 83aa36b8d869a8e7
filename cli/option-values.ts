import { InvalidArgumentError } from 'commander';
import { parseInstant, presentInstant } from '#domain/instant.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { parseJson, parseJsonObject } from './lossless-json.ts';

interface Range {
  readonly min: number;
  readonly max: number;
}

/** @returns a parser for commander; it refuses everything but a whole number of the range */
export function integerIn({ min, max }: Range): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

export function positiveNumber(text: string): number {
  const value = /^\d{1,9}(?:\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

/** @returns milliseconds */
export function secondsAsMs(text: string): number {
  return Math.round(positiveNumber(text) * 1000);
}

/** `2026-01-31` means the start of that day, UTC. */
export function instantText(text: string): string {
  const instant = parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (instant !== null) return presentInstant(instant);
  throw new InvalidArgumentError('It must be a date (2026-01-31) or an instant of ISO 8601.');
}

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

/** `100M`, `2G`, or bytes; the units are powers of 1024. */
export function sizeInBytes(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15})([KMGT]?)(?:i?B)?$/.exec(text) ?? [];
  const sizeBytes = Number(digits) * (sizeUnits[unit] ?? 0);
  if (digits !== '' && Number.isSafeInteger(sizeBytes)) return sizeBytes;
  throw new InvalidArgumentError('It must be a size: bytes, or such as 100M, 2G.');
}

/** For options that may be given several times. */
export function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

/**
 * `key=text`, `key:=json`, or a whole JSON object; several of them add up.
 * For commander, which hands over what came before.
 */
export function collectMembers(text: string, previous: JsonObject = {}): JsonObject {
  return { ...previous, ...parseMembers(text) };
}

function parseMembers(text: string): JsonObject {
  if (text.trimStart().startsWith('{')) {
    const object = parseJsonObject(text);
    if (object !== null) return object;
    throw new InvalidArgumentError('It starts like a JSON object and is none.');
  }
  const [, key, typed, value] = /^([^=]+?)(:?)=([\s\S]*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be key=text, key:=json or a JSON object.');
  }
  return { [key]: typed === ':' ? parseValue(value) : value };
}

function parseValue(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new InvalidArgumentError('What follows := must be JSON.');
  }
}

/** `a=b`, several times: for names on both sides. */
export function collectPairs(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) {
    return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
  }
  throw new InvalidArgumentError('It must be from=to.');
}

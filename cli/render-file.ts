import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { printable } from './printable.ts';

const hidden = ['links', 'schema_version'];

/** For people: a line per member, what is empty left out. */
export function renderFile(file: JsonObject, etag: string): readonly string[] {
  return [...renderMembers(file, ''), `${'etag'.padEnd(22)}${printable(etag)}`];
}

export function renderMembers(object: JsonObject, indent: string): readonly string[] {
  return Object.entries(object).flatMap(([name, value]) => {
    if (value === undefined || isEmpty(value) || (indent === '' && hidden.includes(name)))
      return [];
    const title = `${indent}${printable(name)}`;
    if (isJsonObject(value)) return [title, ...renderMembers(value, `${indent}  `)];
    return [`${title.padEnd(21)} ${renderValue(value)}`];
  });
}

function isEmpty(value: JsonValue): boolean {
  if (value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function renderValue(value: JsonValue): string {
  if (typeof value === 'string') return printable(value);
  const isPlainList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return printable(isPlainList ? value.join(', ') : JSON.stringify(value));
}

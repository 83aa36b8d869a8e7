import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { objectOf } from './api-answers.ts';
import { damagedError } from './cli-error.ts';

/** A file as the API shows it, as far as this command looks at it. */
export interface FileAnswer {
  readonly fileId: string;
  readonly filename: string;
  readonly sizeBytes: number;
  /** SHA-256, lower-case hex. */
  readonly checksum: string;
  readonly contentType: string;
  readonly createdAt: string;
  readonly state: string;
  readonly json: JsonObject;
}

/** @throws CliError for what no ArtStore answers */
export function readFileAnswer(json: JsonValue | undefined): FileAnswer {
  const object = objectOf(json);
  const checksum = textAt(objectOf(object['checksum']), 'value');
  if (!/^[0-9a-f]{64}$/.test(checksum)) throw damagedError('The answer carries no digest.');
  return {
    fileId: textAt(object, 'file_id'),
    filename: textAt(object, 'original_filename'),
    sizeBytes: numberAt(object, 'file_size'),
    checksum,
    contentType: textAt(object, 'content_type'),
    createdAt: textAt(object, 'created_at'),
    state: textAt(object, 'state'),
    json: object,
  };
}

export interface Page {
  readonly items: readonly JsonObject[];
  readonly next: string | null;
}

export function readPage(json: JsonValue | undefined): Page {
  const { items, next_cursor: next } = objectOf(json);
  const isPage = Array.isArray(items) && (next === null || typeof next === 'string');
  if (!isPage) throw damagedError('The answer is no page of a list.');
  return { items: items.map(objectOf), next: next ?? null };
}

export function textAt(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value === 'string') return value;
  throw damagedError(`The answer lacks "${name}".`);
}

export function numberAt(object: JsonObject, name: string): number {
  const value = object[name];
  if (typeof value === 'number') return value;
  throw damagedError(`The answer lacks "${name}".`);
}

/** Null where the answer has none, or has null. */
export function optionalText(object: JsonObject, name: string): string | null {
  const value = object[name];
  return typeof value === 'string' ? value : null;
}

export function optionalObject(object: JsonObject, name: string): JsonObject | null {
  const value = object[name];
  return isJsonObject(value) ? value : null;
}

import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';

/**
 * Parses JSON so that `JSON.stringify` writes every number as it came: 12345678901234567890 in
 * somebody's metadata stays what it is. Depth is not limited here: what wraps the attributes adds
 * to theirs.
 * @throws SyntaxError
 */
export function parseJson(text: string): JsonValue {
  return JSON.parse(text, keepNumber) as JsonValue;
}

function keepNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  return String(value) === context.source ? value : JSON.rawJSON(context.source);
}

/** @returns null for what is not JSON or not an object */
export function parseJsonObject(text: string): JsonObject | null {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

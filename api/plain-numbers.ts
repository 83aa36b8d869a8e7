import type { JsonArray, JsonValue } from '#domain/json.ts';
import { isJsonObject, isRawNumber, numberOf } from '#domain/strict-json.ts';

/**
 * 10.0 is 10 to a schema, which takes a number with all its digits for an object.
 * @param keptBelow a member whose values keep their digits
 */
export function toPlainNumbers(value: JsonValue, keptBelow: string | null = null): JsonValue {
  if (isRawNumber(value)) return numberOf(value);
  if (Array.isArray(value)) {
    return (value as JsonArray).map((item) => toPlainNumbers(item, keptBelow));
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member = null]) => [
      name,
      name === keptBelow ? member : toPlainNumbers(member, keptBelow),
    ]),
  );
}

import type { Fault } from '#domain/errors.ts';
import type { JsonArray, JsonObject, JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { limits } from '#domain/limits.ts';
import type { AttributeCondition } from '#domain/ports/file-search.ts';
import { isJsonObject, numberOf } from '#domain/strict-json.ts';

const comparisons = ['gt', 'gte', 'lt', 'lte'] as const;
const operators: readonly string[] = ['eq', 'in', ...comparisons, 'exists'];

interface Place {
  readonly pointer: string;
  readonly faults: Fault[];
}

/** Conditions on custom attributes, by attribute. Adds a fault for each that cannot be. */
export function readAttributeConditions(
  sent: JsonObject,
  { pointer, faults }: Place,
): ReadonlyMap<string, readonly AttributeCondition[]> {
  const conditions = new Map<string, readonly AttributeCondition[]>();
  for (const [name, value] of Object.entries(sent)) {
    if (value === undefined) continue;
    conditions.set(name, readConditions(value, { pointer: pointerTo(pointer, name), faults }));
  }
  const count = [...conditions.values()].flat().length;
  if (count > limits.searchFilterItems) {
    faults.push({ pointer, message: `must have at most ${limits.searchFilterItems} conditions` });
  }
  return conditions;
}

/** An object is always conditions: to look for an object, say `eq`. */
function readConditions(value: JsonValue, place: Place): AttributeCondition[] {
  if (!isJsonObject(value)) return [{ operator: 'eq', value }];
  const members = Object.entries(value);
  if (members.length === 0) {
    place.faults.push({ pointer: place.pointer, message: 'must have an operator' });
  }
  return members.flatMap(([operator, operand]) => {
    if (operand === undefined) return [];
    const pointer = pointerTo(place.pointer, operator);
    const condition = readCondition(operator, operand, { pointer, faults: place.faults });
    return condition === null ? [] : [condition];
  });
}

function readCondition(
  operator: string,
  operand: JsonValue,
  { pointer, faults }: Place,
): AttributeCondition | null {
  const refuse = (message: string): null => {
    faults.push({ pointer, message });
    return null;
  };
  if (operator === 'eq') return { operator, value: operand };
  if (operator === 'in') {
    if (!Array.isArray(operand)) return refuse('must be an array');
    const values = operand as JsonArray;
    return values.length > 0 && values.length <= limits.searchFilterItems
      ? { operator, values }
      : refuse(`must have 1 to ${limits.searchFilterItems} items`);
  }
  if (operator === 'exists') {
    return typeof operand === 'boolean'
      ? { operator, value: operand }
      : refuse('must be true or false');
  }
  const comparison = comparisons.find((name) => name === operator);
  if (comparison === undefined) return refuse(`must be one of ${JSON.stringify(operators)}`);
  const bound = typeof operand === 'string' ? operand : numberOf(operand);
  return bound === null
    ? refuse('must be a number or a string')
    : { operator: comparison, value: bound };
}

/**
 * JSON Schema 2020-12 by the letter of the specification: slow, and without a line in common with
 * what it is compared to. Keywords that the tests do not generate are left out.
 */
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { charLength } from '#domain/text-length.ts';

/** One value at one subschema. */
interface Visit {
  readonly schema: JsonObject;
  readonly value: JsonValue;
  readonly root: JsonObject;
}

export function isValid(schema: JsonObject, value: JsonValue): boolean {
  return holds(schema, value, schema);
}

function holds(schema: JsonValue, value: JsonValue, root: JsonObject): boolean {
  if (!isJsonObject(schema)) return schema !== false;
  const visit: Visit = { schema, value, root };
  return (
    plainKeywordsHold(visit) &&
    branchesHold(visit) &&
    (!Array.isArray(value) || itemsHold(visit, value as readonly JsonValue[])) &&
    (!isJsonObject(value) || membersHold(visit, value))
  );
}

function plainKeywordsHold({ schema, value }: Visit): boolean {
  const { type, enum: allowed, minLength = 0, maximum = Infinity, pattern, uniqueItems } = schema;
  if (type !== undefined && !listOf(type).some((name) => isOfType(value, name))) return false;
  if (allowed !== undefined && !listOf(allowed).some((one) => isSame(one, value))) return false;
  if (typeof value === 'string') {
    if (charLength(value) < Number(minLength)) return false;
    if (pattern !== undefined && !new RegExp(pattern as string, 'u').test(value)) return false;
  }
  if (typeof value === 'number' && value > Number(maximum)) return false;
  if (uniqueItems !== true || !Array.isArray(value)) return true;
  return new Set(listOf(value).map(canonicalizeJson)).size === value.length;
}

function branchesHold({ schema, value, root }: Visit): boolean {
  const { $ref, allOf, anyOf, oneOf, not, if: condition } = schema;
  const judge = (branch: JsonValue) => holds(branch, value, root);
  if (typeof $ref === 'string' && !judge(find(root, $ref))) return false;
  if (!listOf(allOf).every(judge)) return false;
  if (anyOf !== undefined && !listOf(anyOf).some(judge)) return false;
  if (oneOf !== undefined && listOf(oneOf).filter(judge).length !== 1) return false;
  if (not !== undefined && judge(not)) return false;
  if (condition === undefined) return true;
  return judge((judge(condition) ? schema['then'] : schema['else']) ?? true);
}

function itemsHold({ schema, root }: Visit, items: readonly JsonValue[]): boolean {
  const first = listOf(schema['prefixItems']);
  const ruleOf = (index: number) => (index < first.length ? first[index] : schema['items']) ?? true;
  if (!items.every((item, index) => holds(ruleOf(index), item, root))) return false;
  const { contains } = schema;
  return contains === undefined || items.some((item) => holds(contains, item, root));
}

function membersHold({ schema, root }: Visit, value: JsonObject): boolean {
  const has = (name: JsonValue) => Object.hasOwn(value, name as string);
  if (!listOf(schema['required']).every(has)) return false;
  const dependents = entriesOf(schema['dependentSchemas']).filter(([name]) => has(name));
  if (!dependents.every(([, rule]) => holds(rule, value, root))) return false;
  const named = entriesOf(schema['properties']);
  const patterns = entriesOf(schema['patternProperties']);
  return entriesOf(value).every(([name, member]) => {
    const rules = [
      ...named.filter(([property]) => property === name),
      ...patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(name)),
    ].map(([, rule]) => rule);
    if (rules.length === 0) rules.push(schema['additionalProperties'] ?? true);
    return (
      holds(schema['propertyNames'] ?? true, name, root) &&
      rules.every((rule) => holds(rule, member, root))
    );
  });
}

function find(root: JsonObject, reference: string): JsonValue {
  return reference
    .split('/')
    .slice(1)
    .reduce<JsonValue>((place, step) => (place as JsonObject)[step] ?? false, root);
}

function isOfType(value: JsonValue, type: JsonValue): boolean {
  switch (type) {
    case 'object':
      return isJsonObject(value);
    case 'array':
      return Array.isArray(value);
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isSame(one: JsonValue, other: JsonValue): boolean {
  return canonicalizeJson(one) === canonicalizeJson(other);
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
}

function entriesOf(value: JsonValue | undefined): readonly [string, JsonValue][] {
  return isJsonObject(value) ? (Object.entries(value) as [string, JsonValue][]) : [];
}

import type { Fault } from '#domain/errors.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { limits } from '#domain/limits.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { byteLength } from '#domain/text-length.ts';
import {
  keywordRuleOf,
  templateDialect,
  templateFormats,
  type KeywordRule,
} from './template-keywords.ts';
import { findEndlessPlaces, parsePlace, writePlace, type SchemaPlaces } from './template-places.ts';
import { countNodes, findUnusableText } from './template-values.ts';

/**
 * Stands in every subschema of a prepared template, with the number of values in its keywords: one
 * look at something is charged for them. No template can bring it along.
 */
export const costKeyword = 'artstore:cost';

export interface ExaminedTemplate {
  /** Pointers into `/schema`. */
  readonly faults: readonly Fault[];
  /** False: too much, or too strange, to be looked at any further. */
  readonly isBounded: boolean;
  /** The schema in plain JSON, as it was sent. */
  readonly plain: JsonValue;
  /** What is compiled: nothing but known keywords, every reference in one form, costs written in. */
  readonly prepared: JsonValue;
  /** Regular expressions, each with the places where it stands. */
  readonly patterns: ReadonlyMap<string, readonly string[]>;
}

interface Examination {
  readonly faults: Fault[];
  readonly places: SchemaPlaces;
  readonly patterns: Map<string, string[]>;
  readonly references: Set<string>;
  patternChars: number;
  subschemas: number;
  isBounded: boolean;
}

interface Position {
  readonly pointer: string;
  readonly depth: number;
}

/**
 * Everything that can be said about a schema without compiling it. Whatever comes out without a
 * fault is small, refers to itself only, ends on every value, and has no keyword we do not know.
 */
export function examineTemplate(schema: JsonObject): ExaminedTemplate {
  const text = JSON.stringify(schema);
  // Numbers become those of JavaScript here, and only here: nothing of this is stored.
  const plain = JSON.parse(text) as JsonObject;
  const examination: Examination = {
    faults: [],
    places: new Map(),
    patterns: new Map(),
    references: new Set(),
    patternChars: 0,
    subschemas: 0,
    isBounded: true,
  };
  const { faults, patterns } = examination;
  requireSize(examination, text, plain);
  if (!examination.isBounded) {
    return { faults, patterns, isBounded: false, plain, prepared: {} };
  }
  faults.push(...findUnusableText(plain, '/schema'));
  const prepared = examineSchema(examination, plain, { pointer: '', depth: 0 });
  // Of what is cut short, half of the places are not known.
  if (examination.isBounded) faults.push(...findEndlessPlaces(examination.places));
  const { isBounded } = examination;
  return { faults, patterns, isBounded, plain, prepared };
}

function requireSize(examination: Examination, text: string, plain: JsonObject): void {
  const sizeBytes = byteLength(text);
  if (sizeBytes > limits.templateSizeBytes) {
    refuseAtOnce(examination, '', `takes more than ${limits.templateSizeBytes} bytes`);
  } else if (countNodes(plain) > limits.templateNodes) {
    refuseAtOnce(examination, '', `has more than ${limits.templateNodes} values`);
  }
}

function examineSchema(examination: Examination, schema: JsonValue, at: Position): JsonValue {
  const { places } = examination;
  if (!isJsonObject(schema)) {
    // True or false; whatever else it is, the schema of schemas says that it is none.
    places.set(at.pointer, []);
    return schema;
  }
  examination.subschemas += 1;
  if (examination.subschemas === limits.templateSubschemas + 1) {
    refuseAtOnce(examination, '', `has more than ${limits.templateSubschemas} subschemas`);
  } else if (at.depth > limits.templateDepth) {
    refuseAtOnce(examination, at.pointer, `is nested deeper than ${limits.templateDepth} levels`);
  }
  if (!examination.isBounded) return {};
  places.set(at.pointer, []);
  const members: [string, JsonValue][] = [];
  let nodes = 1;
  for (const [keyword, value = null] of Object.entries(schema)) {
    const rule = keywordRuleOf(keyword);
    const pointer = pointerTo(at.pointer, keyword);
    const place = { keyword, value, at, pointer };
    if (rule === undefined) refuse(examination, pointer, unknownKeyword(keyword));
    else if (rule.kind === 'heading') examineHeading(examination, place);
    else if (rule.kind !== 'annotation') {
      members.push([keyword, examineKeyword(examination, rule, place)]);
      nodes += rule.kind === 'value' ? countNodes(value) : sizeOf(value);
    }
  }
  return Object.fromEntries([[costKeyword, nodes], ...members]);
}

interface Place {
  readonly keyword: string;
  readonly value: JsonValue;
  /** Of the schema that the keyword stands in. */
  readonly at: Position;
  readonly pointer: string;
}

function examineKeyword(
  examination: Examination,
  rule: Exclude<KeywordRule, { kind: 'annotation' | 'heading' }>,
  place: Place,
): JsonValue {
  const { keyword, value, at, pointer } = place;
  if (rule.kind === 'value') return examineValue(examination, place);
  const examine = (schema: JsonValue, childPointer: string) => {
    if (rule.applies === 'here') examination.places.get(at.pointer)?.push(childPointer);
    return examineSchema(examination, schema, { pointer: childPointer, depth: at.depth + 1 });
  };
  if (rule.kind === 'schema') return examine(value, pointer);
  if (rule.kind === 'list' && Array.isArray(value)) {
    return (value as readonly JsonValue[]).map((item, index) =>
      examine(item, pointerTo(pointer, index)),
    );
  }
  if (rule.kind === 'list' || !isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([name, member = null]) => {
    const memberPointer = pointerTo(pointer, name);
    if (keyword === 'patternProperties') examinePattern(examination, name, memberPointer);
    return [name, examine(member, memberPointer)] as const;
  });
  return Object.fromEntries(entries);
}

function examineValue(examination: Examination, place: Place): JsonValue {
  const { keyword, value, at, pointer } = place;
  if (keyword === 'type' && Array.isArray(value) && value.length > jsonTypeCount) {
    // The schema of schemas would compare every one with every other.
    refuseAtOnce(examination, pointer, `lists more than the ${jsonTypeCount} types there are`);
  }
  if (typeof value !== 'string') return value;
  if (keyword === 'pattern') examinePattern(examination, value, pointer);
  if (keyword === 'format' && !(templateFormats as readonly string[]).includes(value)) {
    refuse(examination, pointer, `must be one of ${templateFormats.join(', ')}`);
  }
  if (keyword !== '$ref') return value;
  const target = parsePlace(value);
  if (target === null) {
    refuse(examination, pointer, 'must be a pointer into this schema, such as "#/$defs/name"');
    return '#';
  }
  examination.places.get(at.pointer)?.push(target);
  examination.references.add(target);
  if (examination.references.size === limits.templateReferences + 1) {
    const message = `leads to one of more than ${limits.templateReferences} places`;
    refuseAtOnce(examination, pointer, message);
  }
  return writePlace(target);
}

const jsonTypeCount = 7;

function examineHeading(examination: Examination, { keyword, value, at, pointer }: Place): void {
  if (at.pointer !== '') refuse(examination, pointer, 'may stand at the root only');
  else if (keyword === '$schema' && value !== templateDialect && value !== `${templateDialect}#`) {
    refuse(examination, pointer, `must be "${templateDialect}"`);
  }
}

/** Half of a surrogate pair by its number would stand for something else in another engine. */
const surrogateEscape = /\\u[dD][89a-fA-F]/;
/** By name; those by number are left to whoever compiles. */
const backReference = /(?<!\\)(?:\\\\)*\\k/;
/** Takes long to write out for all of Unicode. */
const modifier = /\(\?[a-z-]+:/;

/**
 * Two engines must agree on what a regular expression is: here it must be one of ECMA-262 in its
 * Unicode form, whoever compiles it says whether it runs in linear time.
 */
function examinePattern(examination: Examination, pattern: string, pointer: string): void {
  const { patterns } = examination;
  const places = patterns.get(pattern);
  if (places !== undefined) {
    places.push(pointer);
    return;
  }
  examination.patternChars += pattern.length;
  if (examination.patternChars > limits.templatePatternChars) {
    const message = `makes regular expressions of more than ${limits.templatePatternChars} characters together`;
    return refuseAtOnce(examination, pointer, message);
  }
  if (patterns.size === limits.templatePatterns) {
    const message = `is one of more than ${limits.templatePatterns} regular expressions`;
    return refuseAtOnce(examination, pointer, message);
  }
  patterns.set(pattern, [pointer]);
  if (surrogateEscape.test(pattern)) {
    refuse(examination, pointer, 'must write characters beyond U+FFFF as \\u{…}');
  }
  if (backReference.test(pattern)) refuse(examination, pointer, 'must not refer back to a group');
  if (modifier.test(pattern)) refuse(examination, pointer, 'must not change flags on its way');
  if (!isPattern(pattern)) {
    refuse(examination, pointer, 'is not a regular expression of ECMA-262 with the flag u');
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u').unicode;
  } catch {
    return false;
  }
}

function sizeOf(value: JsonValue): number {
  if (Array.isArray(value)) return value.length;
  return isJsonObject(value) ? Object.keys(value).length : 1;
}

function unknownKeyword(keyword: string): string {
  return keyword.startsWith('$')
    ? 'is not supported: a template refers to places in itself only, by "$ref" and "$defs"'
    : 'is not a keyword of JSON Schema 2020-12 that templates may use';
}

function refuse({ faults }: Examination, pointer: string, message: string): void {
  faults.push({ pointer: `/schema${pointer}`, message });
}

/** What was found is a bound: the rest is not worth the work. */
function refuseAtOnce(examination: Examination, pointer: string, message: string): void {
  examination.isBounded = false;
  refuse(examination, pointer, message);
}

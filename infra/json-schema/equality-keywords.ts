import { _, type FuncKeywordDefinition } from 'ajv';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import type { JsonValue } from '#domain/json.ts';

/** Is told how much text a comparison looks at. */
type Charge = (chars: number) => void;

/**
 * `const`, `enum` and `uniqueItems` by the canonical form of what they compare. Those of the
 * compiler call the methods `valueOf` and `toString` of what was sent, which may be anything, and
 * compare every item with every other.
 */
export function replaceEqualityKeywords(ajv: Ajv2020, charge: Charge): void {
  for (const definition of [constKeyword(charge), enumKeyword(charge), uniqueKeyword(charge)]) {
    ajv.removeKeyword(definition.keyword as string);
    ajv.addKeyword(definition);
  }
}

function constKeyword(charge: Charge): FuncKeywordDefinition {
  return {
    keyword: 'const',
    errors: false,
    error: {
      message: 'must be equal to constant',
      params: ({ schemaCode }) => _`{allowedValue: ${schemaCode}}`,
    },
    compile: (allowed: JsonValue) => createMatcher([allowed], charge),
  };
}

function enumKeyword(charge: Charge): FuncKeywordDefinition {
  return {
    keyword: 'enum',
    schemaType: 'array',
    errors: false,
    error: {
      message: 'must be equal to one of the allowed values',
      params: ({ schemaCode }) => _`{allowedValues: ${schemaCode}}`,
    },
    compile: (allowed: readonly JsonValue[]) => createMatcher(allowed, charge),
  };
}

function uniqueKeyword(charge: Charge): FuncKeywordDefinition {
  return {
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    error: { message: 'must NOT have duplicate items' },
    compile: (isAsked: boolean) => (items: readonly JsonValue[]) =>
      !isAsked || new Set(items.map((item) => textOf(item, charge))).size === items.length,
  };
}

function createMatcher(allowed: readonly JsonValue[], charge: Charge) {
  const texts = new Set(allowed.map(canonicalizeJson));
  return (value: JsonValue) => texts.has(textOf(value, charge));
}

function textOf(value: JsonValue, charge: Charge): string {
  const text = canonicalizeJson(value);
  charge(text.length);
  return text;
}

import { _, type KeywordCxt } from 'ajv';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { DomainError, type Fault } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import {
  costKeyword,
  examineTemplate,
  type ExaminedTemplate,
} from '#domain/templates/examine-template.ts';
import { replaceEqualityKeywords } from './equality-keywords.ts';
import { compileLinearPattern, type LinearPattern } from './linear-pattern.ts';
import { formatChecks } from './template-formats.ts';
import { presentAttributeFaults, presentSchemaFaults } from './template-faults.ts';

export interface CompiledTemplate {
  /** All that is wrong, at most `limits.templateFaults`, with pointers into `/custom_attributes`. */
  check(customAttributes: JsonObject): readonly Fault[];
  /** How many characters its regular expressions have read since they forgot the last time. */
  readonly patternChars: number;
  forgetTexts(): void;
}

/** What a subschema may have to say about a value costs far more than to find nothing. */
const unitsOfNode = 20;

/** Thrown through the generated code and caught where it was called. */
class UnitsSpent extends Error {}

/** What a check may still cost. One check runs at a time: nothing in it waits. */
interface Meter {
  units: number;
  chars: number;
}

const tooMuchWork: readonly Fault[] = [
  { pointer: '/custom_attributes', message: 'take more work to check than a check may take' },
];

/**
 * Everything the schema could do is bounded before and while it runs: the size of what is
 * compiled, and by a meter in the generated code the work of every check, so that the verdict on
 * a value is the same on a fast machine and on a slow one.
 * @throws TEMPLATE_INVALID with every fault
 */
export function compileTemplate(schema: JsonObject): CompiledTemplate {
  const meter: Meter = { units: 0, chars: 0 };
  const examined = examineTemplate(schema);
  const patterns = new Map<string, LinearPattern>();
  const faults = [
    ...examined.faults,
    ...(examined.isBounded ? shapeFaults(examined) : []),
    ...(examined.isBounded ? compilePatterns(examined, patterns, meter) : []),
  ];
  if (faults.length > 0) throw invalidTemplate(faults);
  const validate = compilePrepared(examined, patterns, meter);
  return {
    check: (customAttributes) => runCheck(validate, meter, customAttributes),
    get patternChars() {
      return meter.chars;
    },
    forgetTexts() {
      meter.chars = 0;
      for (const pattern of patterns.values()) pattern.forget();
    },
  };
}

function runCheck(
  validate: ValidateFunction,
  meter: Meter,
  customAttributes: JsonObject,
): readonly Fault[] {
  // Numbers with their digits become those of JavaScript; `__proto__` stays a plain member.
  const value: unknown = JSON.parse(JSON.stringify(customAttributes));
  meter.units = limits.templateCheckUnits;
  try {
    return validate(value) ? [] : presentAttributeFaults(validate.errors ?? []);
  } catch (error) {
    // Each reference takes room on the stack; a value can be deep enough to fill it.
    if (error instanceof UnitsSpent || error instanceof RangeError) return tooMuchWork;
    throw error;
  } finally {
    validate.errors = null;
  }
}

let schemaOfSchemas: ValidateFunction | null = null;

/** What stands under the keywords has the shape that JSON Schema 2020-12 gives it. */
function shapeFaults({ plain }: ExaminedTemplate): readonly Fault[] {
  if (schemaOfSchemas === null) {
    // The texts that its formats are about are looked at by the examination.
    const ajv = new Ajv2020({ allErrors: true, validateFormats: false });
    schemaOfSchemas = ajv.getSchema('https://json-schema.org/draft/2020-12/schema') ?? null;
    if (schemaOfSchemas === null) throw new Error('the schema of schemas is not there');
  }
  return schemaOfSchemas(plain) ? [] : presentSchemaFaults(schemaOfSchemas.errors ?? []);
}

function compilePatterns(
  examined: ExaminedTemplate,
  patterns: Map<string, LinearPattern>,
  meter: Meter,
): readonly Fault[] {
  const faults: Fault[] = [];
  const known = new Set(examined.faults.map(({ pointer }) => pointer));
  const charge = ({ units, chars }: { readonly units: number; readonly chars: number }) => {
    meter.chars += chars;
    spend(meter, units);
  };
  for (const [source, places] of examined.patterns) {
    if (places.some((place) => known.has(`/schema${place}`))) continue;
    const compiled = compileLinearPattern(source, charge);
    if (compiled.ok) patterns.set(source, compiled.pattern);
    else {
      const { message } = compiled;
      faults.push(...places.map((place) => ({ pointer: `/schema${place}`, message })));
    }
  }
  return faults;
}

/** An instance of its own for every template: no id, and nothing remembered, is shared. */
function compilePrepared(
  { prepared }: ExaminedTemplate,
  patterns: ReadonlyMap<string, LinearPattern>,
  meter: Meter,
): ValidateFunction {
  const ajv = new Ajv2020({
    allErrors: true,
    // The examination is stricter, and names its faults; the rest are matters of style.
    strict: false,
    strictNumbers: true,
    meta: false,
    validateSchema: false,
    // What is referred to from many places is compiled once, not copied to each.
    inlineRefs: false,
    // `toString` is nobody's attribute unless it was sent.
    ownProperties: true,
    // Binary fractions: 0.07 is a multiple of 0.01.
    multipleOfPrecision: 9,
    // Otherwise its own engine would compare names and patterns.
    allowMatchingProperties: true,
    logger: false,
    formats: formatChecks,
    // The generated code runs the same without the pass, which takes longer than all the rest.
    code: {
      optimize: false,
      regExp: Object.assign(patternEngine(patterns), { code: 'linearPattern' }),
    },
  });
  // Switched on by its constructor: for keywords that templates do not have, it multiplies the code.
  ajv.opts.unevaluated = false;
  const look = (nodes: number, value: unknown): void => {
    spend(meter, nodes * unitsOfNode + sizeOf(value));
  };
  replaceEqualityKeywords(ajv, (chars) => spend(meter, chars));
  ajv.addKeyword({
    keyword: costKeyword,
    schemaType: 'number',
    // Before whatever it may lead to.
    before: '$ref',
    code(context: KeywordCxt) {
      const { gen, data, schema } = context;
      const meterLook = gen.scopeValue('keyword', { ref: look });
      gen.code(_`${meterLook}(${schema as number}, ${data})`);
    },
  });
  try {
    return ajv.compile(prepared as JsonObject);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw invalidTemplate([{ pointer: '/schema', message: 'has references that nest too deep' }]);
  }
}

function patternEngine(patterns: ReadonlyMap<string, LinearPattern>) {
  return (source: string) => {
    const pattern = patterns.get(source);
    if (pattern === undefined) throw new Error('a regular expression was overlooked');
    // The text is what the compiler tells patterns apart by.
    return { test: (text: string) => pattern.test(text), toString: () => source };
  };
}

function spend(meter: Meter, units: number): void {
  meter.units -= units;
  if (meter.units < 0) throw new UnitsSpent();
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 1;
}

function invalidTemplate(faults: readonly Fault[]): DomainError {
  return new DomainError(
    'TEMPLATE_INVALID',
    'The schema cannot be used as a template; see the list of faults.',
    { details: { faults: faults.slice(0, limits.templateFaults) } },
  );
}

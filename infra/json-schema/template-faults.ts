import type { ErrorObject } from 'ajv';
import type { Fault } from '#domain/errors.ts';
import { pointerTo } from '#domain/json-pointer.ts';
import { limits } from '#domain/limits.ts';

/** An answer shows so much of a list of permitted values. */
const listedChars = 200;

export function presentSchemaFaults(errors: readonly ErrorObject[]): readonly Fault[] {
  return presentFaults('/schema', errors);
}

export function presentAttributeFaults(errors: readonly ErrorObject[]): readonly Fault[] {
  return presentFaults('/custom_attributes', errors);
}

/** One place is told one thing once, however many ways lead to it. */
function presentFaults(root: string, errors: readonly ErrorObject[]): readonly Fault[] {
  const faults = new Map<string, Fault>();
  for (const error of errors) {
    if (faults.size === limits.templateFaults) break;
    // They say only where what is said beside them was found.
    if (error.keyword === 'if' || error.keyword === 'propertyNames') continue;
    const fault = { pointer: `${root}${pointerOf(error)}`, message: messageOf(error) };
    faults.set(`${fault.pointer}\n${fault.message}`, fault);
  }
  return [...faults.values()];
}

function pointerOf({ instancePath, params, propertyName }: ErrorObject): string {
  const { missingProperty, additionalProperty } = params as Record<string, unknown>;
  const named = missingProperty ?? additionalProperty ?? propertyName;
  return typeof named === 'string' ? pointerTo(instancePath, named) : instancePath;
}

function messageOf({ keyword, params, message, propertyName }: ErrorObject): string {
  const { allowedValues, allowedValue } = params as Record<string, unknown>;
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'dependentRequired':
      return `is required beside ${JSON.stringify(params['property'])}`;
    case 'additionalProperties':
    case 'false schema':
      return 'is not allowed';
    case 'enum':
      return `must be one of ${shorten(JSON.stringify(allowedValues))}`;
    case 'const':
      return `must be ${shorten(JSON.stringify(allowedValue))}`;
    default: {
      const text = message ?? 'is not valid';
      return propertyName === undefined ? text : `as a name, ${text}`;
    }
  }
}

function shorten(text: string): string {
  return text.length > listedChars ? `${text.slice(0, listedChars)}…` : text;
}

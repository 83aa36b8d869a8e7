import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { DomainError, type Fault } from '#domain/errors.ts';
import { isElementId, isUuid } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';

const formats = {
  uuid: (text: string) => isUuid(text.toLowerCase()),
  'date-time': (text: string) => parseInstant(text) !== null,
  'element-id': isElementId,
};

/** Text from URLs and headers becomes numbers and arrays where the schema says so. */
const textual = new Ajv2020({ allErrors: true, coerceTypes: 'array', useDefaults: true, formats });

/** Compiles a schema for a part of the request that arrives as text. */
export function compileTextual(schema: TSchema): ValidateFunction {
  return textual.compile(schema);
}

/** @returns all faults at once, each with its place. */
export function findFaults(
  validate: ValidateFunction,
  value: unknown,
  place: 'query' | 'header' | 'path',
): readonly Fault[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).map((error) => presentFault(error, place));
}

function presentFault(error: ErrorObject, place: string): Fault {
  const params = error.params as Record<string, unknown>;
  const named = params['additionalProperty'] ?? params['missingProperty'];
  const member = typeof named === 'string' ? `/${named}` : '';
  const pointer = `${place}${error.instancePath}${member}`;
  return { pointer, message: messageOf(error, place) };
}

function messageOf(error: ErrorObject, place: string): string {
  switch (error.keyword) {
    case 'additionalProperties':
      return `is not a ${place} parameter of this route`;
    case 'required':
      return 'is missing';
    case 'enum':
      return `must be one of ${JSON.stringify(error.params['allowedValues'])}`;
    case 'const':
      return `must be ${JSON.stringify(error.params['allowedValue'])}`;
    default:
      return error.message ?? 'is not valid';
  }
}

export function requireNoFaults(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  throw new DomainError('REQUEST_INVALID', 'The request is not valid; see the list of faults.', {
    details: { faults },
  });
}

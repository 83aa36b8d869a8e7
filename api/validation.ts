import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { DomainError, type Fault } from '#domain/errors.ts';
import { isElementId, isUuid } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { pointerTo } from '#domain/json-pointer.ts';

const formats = {
  uuid: (text: string) => isUuid(text.toLowerCase()),
  'date-time': (text: string) => parseInstant(text) !== null,
  'element-id': isElementId,
};

/** Text from URLs and headers becomes numbers and arrays where the schema says so. */
const textual = new Ajv2020({ allErrors: true, coerceTypes: 'array', useDefaults: true, formats });

/** A body has its own types: nothing becomes anything else. */
const typed = new Ajv2020({ allErrors: true, allowUnionTypes: true, formats });

/** Compiles a schema for a body of JSON. */
export function compileBody(schema: TSchema): ValidateFunction {
  return typed.compile(schema);
}

/** @returns all faults at once, each with its JSON Pointer. */
export function findBodyFaults(validate: ValidateFunction, body: unknown): readonly Fault[] {
  if (validate(body)) return [];
  return (validate.errors ?? []).map((error) => {
    const { additionalProperty, missingProperty } = error.params as Record<string, unknown>;
    const named = additionalProperty ?? missingProperty;
    const pointer =
      typeof named === 'string' ? pointerTo(error.instancePath, named) : error.instancePath;
    return { pointer, message: messageOf(error, 'body') };
  });
}

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
      return place === 'body'
        ? 'is not a member of this request'
        : `is not a ${place} parameter of this route`;
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

import { createHash } from 'node:crypto';

import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';

import {
  createAttributesCodec,
  type AttributesCodec,
  type ValidateDocument,
} from '#domain/attributes/attributes-codec.ts';
import { attributesVersions, type AttributesVersions } from '#domain/attributes/versions.ts';
import type { Fault } from '#domain/errors.ts';
import { parseInstant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';

/** Compiles the schemas, some ten milliseconds of work: once in a process, by its composition root. */
export function openAttributesCodec(
  versions: AttributesVersions = attributesVersions,
): AttributesCodec {
  const sha256Hex = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
  return createAttributesCodec({ compileSchema, sha256Hex }, versions);
}

function compileSchema(schema: JsonObject): ValidateDocument {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  // The domain decides what an instant is: 31 February is none, nanoseconds are fine.
  ajv.addFormat('date-time', (text) => parseInstant(text) !== null);
  const validate = ajv.compile(schema);
  return (document) => (validate(document) ? [] : (validate.errors ?? []).map(toFault));
}

function toFault(error: ErrorObject): Fault {
  if (error.keyword === 'required') {
    const { missingProperty } = error.params as { missingProperty: string };
    return { pointer: `${error.instancePath}/${missingProperty}`, message: 'is required' };
  }
  return { pointer: error.instancePath, message: error.message ?? 'is not valid' };
}

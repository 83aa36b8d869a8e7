import type { Attributes, SchemaVersion } from '#domain/attributes/attributes-types.ts';
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import {
  detectForeignDialect,
  translateDialect,
  type Dialect,
} from '#domain/attributes/dialects.ts';
import { hasExtension, memberOf } from '#domain/attributes/extensions.ts';
import { toOlderForm, type OlderForm } from '#domain/attributes/older-form.ts';
import { hasPrefixedChecksum, normalizeDocument } from '#domain/attributes/normalize.ts';
import { orderMembers, writeSidecarText } from '#domain/attributes/sidecar-text.ts';
import type { AttributesVersion, AttributesVersions } from '#domain/attributes/versions.ts';
import { DomainError, type Fault } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { isJsonObject, parseOwnJson, parseStrictJsonBytes } from '#domain/strict-json.ts';

export interface ParsedSidecar {
  readonly attributes: Attributes;
  /** What the sidecar on the element is; the dialects of old archives count as 1.0. */
  readonly sourceVersion: SchemaVersion;
  readonly dialect: Dialect;
  readonly sizeBytes: number;
  /** SHA-256 of the sidecar's bytes as they stand on the element, lower-case hex. */
  readonly digest: string;
  /** Whether the document has the digest that it carries in `integrity`. */
  readonly integrity: 'absent' | 'valid' | 'invalid';
}

export interface EncodedSidecar {
  readonly text: string;
  /** SHA-256 of the UTF-8 bytes, lower-case hex. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Gives all faults. */
export type ValidateDocument = (document: JsonObject) => readonly Fault[];

/** What the domain cannot bring itself: a compiler of schemas and a hash. */
export interface CodecTools {
  /** Is called once for each version. */
  readonly compileSchema: (schema: JsonObject) => ValidateDocument;
  /** Lower-case hex; text is hashed as UTF-8. */
  readonly sha256Hex: (data: string | Uint8Array) => string;
}

export interface AttributesCodec {
  /**
   * Reads a sidecar of any version or dialect as it stands on an element; never writes.
   * @param found where it was found: some dialects do not say it themselves.
   * @throws DomainError `ATTRIBUTES_MALFORMED`, `ATTRIBUTES_VERSION_UNSUPPORTED`,
   *   `ATTRIBUTES_INVALID` (all faults), `ATTRIBUTES_TOO_LARGE` above `limits.sidecarReadCapBytes`
   */
  parseSidecar(bytes: Uint8Array, found: StorageLocation): ParsedSidecar;
  /**
   * Reads text that `encodeSidecar` wrote, as the catalogue holds it; it is not validated again.
   * @throws DomainError `ATTRIBUTES_MALFORMED`
   */
  parseAttributes(text: string): Attributes;
  /**
   * The one text for these attributes: order of keys fixed, integrity digest included. What it
   * returns `parseSidecar` reads.
   * @param options.reserveBytes room below the limit that must stay free.
   * @throws DomainError `ATTRIBUTES_TOO_LARGE` (with size and limit), `ATTRIBUTES_INVALID`
   */
  encodeSidecar(
    attributes: Attributes,
    options?: { readonly reserveBytes?: number },
  ): EncodedSidecar;
  /**
   * The same text without its checks: for the row of a sidecar that stands on an element already,
   * whatever its size. `parseAttributes` reads it.
   */
  encodeForCatalogue(attributes: Attributes): string;
  /**
   * The lossy way to an older version, whose name must be known: as `toOlderForm`. Of the newest
   * one it gives the document that would be written, without its digest.
   */
  toVersion(attributes: Attributes, version: SchemaVersion): OlderForm;
  /** The same, to the oldest version. */
  toV1(attributes: Attributes): OlderForm;
  /** A document of any known version in the newest form, as it would be written. Pure, idempotent. */
  migrateV1(document: JsonObject): JsonObject;
}

interface Workshop extends Pick<CodecTools, 'sha256Hex'> {
  readonly versions: AttributesVersions;
  readonly validate: (document: JsonObject, version: AttributesVersion) => readonly Fault[];
}

export function createAttributesCodec(
  tools: CodecTools,
  versions: AttributesVersions,
): AttributesCodec {
  const validators = new Map(
    versions.all.map(({ version, schema }) => [version, tools.compileSchema(schema)]),
  );
  const workshop: Workshop = {
    versions,
    sha256Hex: tools.sha256Hex,
    validate: (document, { version }) => validators.get(version)?.(document) ?? unlisted(version),
  };
  return {
    parseSidecar: (bytes, found) => parseSidecar(workshop, bytes, found),
    parseAttributes: (text) =>
      toMemory(versions, versions.migrateToNewest(requireObject(parseOwnJson(text)))),
    encodeSidecar: (attributes, options) =>
      encodeSidecar(workshop, attributes, options?.reserveBytes ?? 0),
    encodeForCatalogue: (attributes) => encodeDocument(workshop, toDocument(versions, attributes)),
    toVersion: (attributes, version) =>
      toOlderForm(attributes, versions.find(version) ?? unlisted(version), versions),
    toV1: (attributes) => toOlderForm(attributes, versions.first, versions),
    migrateV1: (document) => versions.migrateToNewest(document),
  };
}

function parseSidecar(shop: Workshop, bytes: Uint8Array, found: StorageLocation): ParsedSidecar {
  const { versions } = shop;
  requireSize(bytes.length, limits.sidecarReadCapBytes);
  const source = requireObject(parseStrictJsonBytes(bytes));
  const foreign = detectForeignDialect(source);
  const labelled = requireKnown(versions, foreign === 'sectioned' ? sectionedHead(source) : source);
  const known = foreign === null ? labelled : versions.first;
  const document = normalizeDocument(
    foreign === null ? source : translateDialect(withoutLabel(source), foreign, found),
    versions.newest.fields,
  );
  requireValid(shop.validate(document, known));
  return {
    attributes: toMemory(versions, versions.migrateToNewest(document)),
    sourceVersion: known.version,
    dialect: foreign ?? nativeDialect(source, known.version),
    sizeBytes: bytes.length,
    digest: shop.sha256Hex(bytes),
    integrity: checkIntegrity(shop, source),
  };
}

function encodeSidecar(
  shop: Workshop,
  attributes: Attributes,
  reserveBytes: number,
): EncodedSidecar {
  const document = toDocument(shop.versions, attributes);
  requireValid(shop.validate(document, shop.versions.newest));
  const text = encodeDocument(shop, document);
  const bytes = new TextEncoder().encode(text);
  requireSize(bytes.length, limits.sidecarSizeBytes - reserveBytes);
  return { text, digest: shop.sha256Hex(bytes), sizeBytes: bytes.length };
}

/** In the newest form, even when a process of an older release made the attributes. */
function toDocument(versions: AttributesVersions, attributes: Attributes): JsonObject {
  return versions.migrateToNewest({
    ...attributes,
    created_by_id: attributes.created_by_id ?? '',
  });
}

function encodeDocument(shop: Workshop, document: JsonObject): string {
  return writeSidecarText(withIntegrity(shop, document), shop.versions.newest.fields);
}

function unlisted(version: SchemaVersion): never {
  throw new TypeError(`No version ${version} is listed.`);
}

function withIntegrity(shop: Workshop, document: JsonObject): JsonObject {
  // A key of this name that is not ours is kept like any other that we do not know.
  const isForeign =
    memberOf(document, 'integrity') !== undefined && !hasExtension(document, 'integrity');
  if (isForeign) return document;
  const { integrity: _, ...rest } = document;
  const digest = shop.sha256Hex(canonicalizeJson(rest));
  return { ...rest, integrity: { algorithm: 'sha-256', digest } };
}

/** From a valid newest document to memory: every optional field there, `integrity` checked and gone. */
function toMemory({ newest }: AttributesVersions, document: JsonObject): Attributes {
  const { created_by_id: createdById } = document;
  const hasIntegrity = hasExtension(document, 'integrity');
  const complete = {
    ...document,
    created_by_id: createdById === '' ? null : createdById,
    created_by_fullname: memberOf(document, 'created_by_fullname') ?? null,
    description: memberOf(document, 'description') ?? null,
    version: memberOf(document, 'version') ?? null,
    metadata: memberOf(document, 'metadata') ?? {},
    custom_attributes: memberOf(document, 'custom_attributes') ?? {},
  };
  const members = orderMembers(complete, newest.fields).filter(
    ([name]) => !(hasIntegrity && name === 'integrity'),
  );
  return Object.fromEntries(members) as unknown as Attributes;
}

function checkIntegrity(shop: Workshop, source: JsonObject): ParsedSidecar['integrity'] {
  const { integrity, ...rest } = source;
  if (!hasExtension(source, 'integrity') || !isJsonObject(integrity)) return 'absent';
  const isValid =
    integrity['algorithm'] === 'sha-256' &&
    integrity['digest'] === shop.sha256Hex(canonicalizeJson(rest));
  return isValid ? 'valid' : 'invalid';
}

function requireObject(value: ReturnType<typeof parseOwnJson>): JsonObject {
  if (isJsonObject(value)) return value;
  throw new DomainError('ATTRIBUTES_INVALID', 'A sidecar must be a JSON object.', {
    details: { faults: [{ pointer: '', message: 'must be an object' }] },
  });
}

function requireKnown(versions: AttributesVersions, document: JsonObject): AttributesVersion {
  const known = versions.detect(document);
  if (known !== null) return known;
  throw new DomainError(
    'ATTRIBUTES_VERSION_UNSUPPORTED',
    `The schema_version of the attributes is none of ${versions.names.join(', ')}.`,
    { details: { faults: [{ pointer: '/schema_version', message: 'is not a known version' }] } },
  );
}

function requireValid(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  throw new DomainError('ATTRIBUTES_INVALID', 'The attributes are not valid.', {
    details: { faults },
  });
}

function requireSize(sizeBytes: number, limitBytes: number): void {
  if (sizeBytes <= limitBytes) return;
  throw new DomainError(
    'ATTRIBUTES_TOO_LARGE',
    `The attributes take ${sizeBytes} bytes; at most ${limitBytes} are possible.`,
    { details: { sizeBytes, limitBytes } },
  );
}

function nativeDialect(source: JsonObject, version: SchemaVersion): Dialect {
  return hasPrefixedChecksum(source) ? 'prefixed-checksum' : `v${version}`;
}

function sectionedHead(source: JsonObject): JsonObject {
  const head = memberOf(source, '_meta');
  return isJsonObject(head) ? head : {};
}

/** A dialect's own label says nothing about our versions. */
function withoutLabel(source: JsonObject): JsonObject {
  const { schema_version: _, ...rest } = source;
  return rest;
}

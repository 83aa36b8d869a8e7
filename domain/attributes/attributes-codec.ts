import type { Attributes, SchemaVersion } from '#domain/attributes/attributes-types.ts';
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import {
  detectForeignDialect,
  translateDialect,
  type Dialect,
} from '#domain/attributes/dialects.ts';
import { hasExtension, memberOf } from '#domain/attributes/extensions.ts';
import { migrateV1, toV1, type DocumentV1 } from '#domain/attributes/migrate.ts';
import { hasPrefixedChecksum, normalizeDocument } from '#domain/attributes/normalize.ts';
import { orderMembers, writeSidecarText } from '#domain/attributes/sidecar-text.ts';
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

/** What the domain cannot bring itself: compiled schemas, which give all faults, and a hash. */
export interface CodecTools {
  readonly validateV1: (document: JsonObject) => readonly Fault[];
  readonly validateV2: (document: JsonObject) => readonly Fault[];
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
  toV1(attributes: Attributes): DocumentV1;
  migrateV1(document: JsonObject): JsonObject;
}

export function createAttributesCodec(tools: CodecTools): AttributesCodec {
  return {
    parseSidecar: (bytes, found) => parseSidecar(tools, bytes, found),
    parseAttributes: (text) => toMemory(requireObject(parseOwnJson(text))),
    encodeSidecar: (attributes, options) =>
      encodeSidecar(tools, attributes, options?.reserveBytes ?? 0),
    toV1,
    migrateV1,
  };
}

function parseSidecar(tools: CodecTools, bytes: Uint8Array, found: StorageLocation): ParsedSidecar {
  requireSize(bytes.length, limits.sidecarReadCapBytes);
  const source = requireObject(parseStrictJsonBytes(bytes));
  const foreign = detectForeignDialect(source);
  const labelled = requireKnownVersion(foreign === 'sectioned' ? sectionedHead(source) : source);
  const sourceVersion = foreign === null ? labelled : '1.0';
  const document = normalizeDocument(
    foreign === null ? source : translateDialect(withoutLabel(source), foreign, found),
  );
  requireValid(sourceVersion === '1.0' ? tools.validateV1(document) : tools.validateV2(document));
  return {
    attributes: toMemory(sourceVersion === '1.0' ? migrateV1(document) : document),
    sourceVersion,
    dialect: foreign ?? nativeDialect(source, sourceVersion),
    sizeBytes: bytes.length,
    digest: tools.sha256Hex(bytes),
    integrity: checkIntegrity(tools, source),
  };
}

function encodeSidecar(
  tools: CodecTools,
  attributes: Attributes,
  reserveBytes: number,
): EncodedSidecar {
  const document = { ...attributes, created_by_id: attributes.created_by_id ?? '' };
  requireValid(tools.validateV2(document));
  const text = writeSidecarText(withIntegrity(tools, document));
  const bytes = new TextEncoder().encode(text);
  requireSize(bytes.length, limits.sidecarSizeBytes - reserveBytes);
  return { text, digest: tools.sha256Hex(bytes), sizeBytes: bytes.length };
}

function withIntegrity(tools: CodecTools, document: JsonObject): JsonObject {
  // A key of this name that is not ours is kept like any other that we do not know.
  const isForeign =
    memberOf(document, 'integrity') !== undefined && !hasExtension(document, 'integrity');
  if (isForeign) return document;
  const { integrity: _, ...rest } = document;
  const digest = tools.sha256Hex(canonicalizeJson(rest));
  return { ...rest, integrity: { algorithm: 'sha-256', digest } };
}

/** From a valid v2.0 document to memory: every optional field there, `integrity` checked and gone. */
function toMemory(document: JsonObject): Attributes {
  const { created_by_id: createdById } = document;
  const hasIntegrity = hasExtension(document, 'integrity');
  const members = orderMembers({
    ...document,
    created_by_id: createdById === '' ? null : createdById,
    created_by_fullname: memberOf(document, 'created_by_fullname') ?? null,
    description: memberOf(document, 'description') ?? null,
    version: memberOf(document, 'version') ?? null,
    metadata: memberOf(document, 'metadata') ?? {},
    custom_attributes: memberOf(document, 'custom_attributes') ?? {},
  }).filter(([name]) => !(hasIntegrity && name === 'integrity'));
  return Object.fromEntries(members) as unknown as Attributes;
}

function checkIntegrity(tools: CodecTools, source: JsonObject): ParsedSidecar['integrity'] {
  const { integrity, ...rest } = source;
  if (!hasExtension(source, 'integrity') || !isJsonObject(integrity)) return 'absent';
  const isValid =
    integrity['algorithm'] === 'sha-256' &&
    integrity['digest'] === tools.sha256Hex(canonicalizeJson(rest));
  return isValid ? 'valid' : 'invalid';
}

function requireObject(value: ReturnType<typeof parseOwnJson>): JsonObject {
  if (isJsonObject(value)) return value;
  throw new DomainError('ATTRIBUTES_INVALID', 'A sidecar must be a JSON object.', {
    details: { faults: [{ pointer: '', message: 'must be an object' }] },
  });
}

function requireKnownVersion(document: JsonObject): SchemaVersion {
  const version = memberOf(document, 'schema_version');
  if (version === undefined) return '1.0';
  if (version === '1.0' || version === '2.0') return version;
  throw new DomainError(
    'ATTRIBUTES_VERSION_UNSUPPORTED',
    'The schema_version of the attributes is neither "1.0" nor "2.0".',
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

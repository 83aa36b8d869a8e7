import type { AttributesCodec, ParsedSidecar } from '#domain/attributes/attributes-codec.ts';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionsOf, hasExtension, memberOf } from '#domain/attributes/extensions.ts';
import { mapMetadata } from '#domain/attributes/map-metadata.ts';
import { DomainError, type Fault } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import type { MigrationRequest } from '#domain/ports/migration-lifecycle.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';

export type MigrationCodec = Pick<
  AttributesCodec,
  'parseSidecar' | 'encodeSidecar' | 'encodeForCatalogue'
>;

/** @returns every fault of these custom attributes; none: they fit */
export type CheckTemplate = (customAttributes: JsonObject) => Promise<readonly Fault[]>;

/** What a file of a chunk was when it was claimed. */
export interface FileToRewrite extends StorageLocation {
  /** Of the sidecar as the catalogue knows it. */
  readonly sidecarDigest: string;
  /** What the run keeps of it: of an earlier attempt, or of the run that is reverted. */
  readonly kept: {
    readonly original: Uint8Array;
    readonly originalDigest: string;
    readonly migratedDigest: string;
  } | null;
}

/** A sidecar, determined to the byte, with what its row says of it. */
export interface RewrittenSidecar {
  readonly text: string;
  readonly digest: string;
  readonly attributes: Attributes;
  /** As the row keeps them: the newest form, as JSON text. */
  readonly attributesText: string;
  readonly schemaVersion: string;
  /** Of the older one of the two sidecars. */
  readonly dialect: string;
}

export interface MigrationRules extends Pick<MigrationRequest, 'mapping' | 'mappingPolicy'> {
  /** Null: nothing is checked. */
  readonly template: { readonly id: string; readonly check: CheckTemplate } | null;
}

/**
 * The sidecar of a file in the newest version. Depends on nothing but its input: whoever repeats it
 * gets the same bytes. A sidecar that an earlier attempt of the same run has written stays as it is.
 * @throws DomainError the codec's; SIDECAR_CHANGED, INTEGRITY_MISMATCH, ATTRIBUTES_MAPPING_CONFLICT,
 *   ATTRIBUTES_TEMPLATE_VIOLATED, ATTRIBUTES_TOO_LARGE
 */
export async function migrateSidecar(
  codec: MigrationCodec,
  rules: MigrationRules,
  { file, bytes }: { readonly file: FileToRewrite; readonly bytes: Uint8Array },
): Promise<RewrittenSidecar> {
  const found = codec.parseSidecar(bytes, file);
  const { kept } = file;
  const isWritten =
    kept?.originalDigest === file.sidecarDigest && kept.migratedDigest === found.digest;
  if (isWritten) {
    const { dialect } = codec.parseSidecar(kept.original, file);
    return describeSidecar(codec, { found, bytes, dialect });
  }
  requireUnchanged(found, file.sidecarDigest);
  if (found.integrity === 'invalid') {
    throw new DomainError(
      'INTEGRITY_MISMATCH',
      'The sidecar does not have the digest that it carries; a new one would hide that.',
    );
  }
  const attributes = migrateAttributes(found.attributes, rules);
  if (rules.template !== null) {
    await requireFitting(attributes.custom_attributes, rules.template);
  }
  const { text, digest } = codec.encodeSidecar(attributes);
  const { dialect } = found;
  const schemaVersion = attributes.schema_version;
  return { text, digest, attributes, attributesText: text, schemaVersion, dialect };
}

/**
 * The original of a migrated file, byte for byte.
 * @throws DomainError the codec's; SIDECAR_CHANGED
 */
export function revertSidecar(
  codec: MigrationCodec,
  { file, bytes }: { readonly file: FileToRewrite; readonly bytes: Uint8Array },
): RewrittenSidecar {
  const { kept } = file;
  if (kept === null) throw new DomainError('FILE_CHANGED', 'No original of this file is kept.');
  const found = codec.parseSidecar(bytes, file);
  if (found.digest !== kept.originalDigest) requireUnchanged(found, file.sidecarDigest);
  const original = codec.parseSidecar(kept.original, file);
  return describeSidecar(codec, {
    found: original,
    bytes: kept.original,
    dialect: original.dialect,
  });
}

/** A sidecar that stands as it is. */
export function describeSidecar(
  codec: Pick<MigrationCodec, 'encodeForCatalogue'>,
  sidecar: {
    readonly found: ParsedSidecar;
    readonly bytes: Uint8Array;
    readonly dialect: string;
  },
): RewrittenSidecar {
  const { found, bytes, dialect } = sidecar;
  return {
    // What is parsed is UTF-8 without a byte-order mark: the text has the same bytes.
    text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    digest: found.digest,
    attributes: found.attributes,
    attributesText: codec.encodeForCatalogue(found.attributes),
    schemaVersion: found.sourceVersion,
    dialect,
  };
}

function requireUnchanged(found: ParsedSidecar, expectedDigest: string): void {
  if (found.digest === expectedDigest) return;
  throw new DomainError(
    'SIDECAR_CHANGED',
    'The sidecar was changed from outside: it is not the one that the catalogue knows.',
  );
}

/** The instants of the document stay: a migration changes its form, not what it says. */
function migrateAttributes(attributes: Attributes, rules: MigrationRules): Attributes {
  const { revision } = extensionsOf(attributes);
  const mapped = mapMetadata(attributes, { keys: rules.mapping, policy: rules.mappingPolicy });
  const isOurs = (name: 'retention' | 'revision' | 'template'): boolean =>
    memberOf(attributes, name) === undefined || hasExtension(attributes, name);
  return {
    ...attributes,
    ...mapped,
    ...(isOurs('revision') && { revision: (revision ?? 1) + 1 }),
    // Whoever rewrites an old sidecar says what its silence meant: permanent.
    ...(memberOf(attributes, 'retention') === undefined && { retention: { policy: 'permanent' } }),
    ...(rules.template !== null && isOurs('template') && { template: rules.template.id }),
  };
}

async function requireFitting(
  customAttributes: JsonObject,
  { id, check }: NonNullable<MigrationRules['template']>,
): Promise<void> {
  const faults = await check(customAttributes);
  if (faults.length === 0) return;
  const shown = faults.slice(0, 3).map(({ pointer, message }) => `${pointer} ${message}`);
  throw new DomainError(
    'ATTRIBUTES_TEMPLATE_VIOLATED',
    `The custom attributes do not fit ${id}: ${shown.join('; ')}.`,
    { details: { faults } },
  );
}

import { extensionKeys, memberOf, type ExtensionKey } from '#domain/attributes/extensions.ts';
import { migrateV1 } from '#domain/attributes/migrate.ts';
import schemaV1 from '#domain/attributes/schemas/attributes-v1.0.schema.json' with { type: 'json' };
import schemaV2 from '#domain/attributes/schemas/attributes-v2.0.schema.json' with { type: 'json' };
import { standardFieldsV1 } from '#domain/attributes/sidecar-text.ts';
import type { JsonObject } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';

/** The oldest version: its documents need not say which they are. */
export interface FirstVersion {
  readonly version: string;
  readonly schema: JsonObject;
  /** In the order in which they are written; its schema accepts more than it writes. */
  readonly fields: readonly string[];
}

export interface LaterVersion {
  readonly version: string;
  /** Its `properties` are the standard fields, in the order in which they are written. */
  readonly schema: JsonObject;
  /**
   * Brings a valid document of the version before into this one, `schema_version` included. Pure;
   * keys that it does not know stay, numbers keep their digits, the input is not changed.
   */
  readonly migrateFromPrevious: (document: JsonObject) => JsonObject;
}

/** A version with what follows from its schema. */
export interface AttributesVersion {
  readonly version: string;
  readonly schema: JsonObject;
  readonly fields: readonly string[];
  readonly extensions: readonly ExtensionKey[];
}

/** All versions of the sidecar, oldest first. */
export interface AttributesVersions {
  readonly all: readonly AttributesVersion[];
  readonly names: readonly string[];
  readonly first: AttributesVersion;
  /** What is written, and the form that all others have in memory. */
  readonly newest: AttributesVersion;
  /** @returns null for a version that was never released */
  find(version: string): AttributesVersion | null;
  /** @returns null when the document says a version that is not known, an explicit null included */
  detect(document: JsonObject): AttributesVersion | null;
  /** Negative when the left one is the older; both must be known. */
  compare(left: string, right: string): number;
  /** Through every version in between; a document that says an unknown one stays as it is. */
  migrateToNewest(document: JsonObject): JsonObject;
}

export function createVersions(
  first: FirstVersion,
  ...later: readonly LaterVersion[]
): AttributesVersions {
  const oldest = { ...first, extensions: extensionsIn(first.schema) };
  const all: readonly AttributesVersion[] = [oldest, ...later.map(withFields)];
  const names = all.map(({ version }) => version);
  if (new Set(names).size < names.length) throw new TypeError('A version is listed twice.');
  const find = (version: string) => all[names.indexOf(version)] ?? null;
  const detect = (document: JsonObject) => {
    const label = memberOf(document, 'schema_version');
    if (label === undefined) return oldest;
    return typeof label === 'string' ? find(label) : null;
  };
  return {
    all,
    names,
    first: oldest,
    newest: all.at(-1) ?? oldest,
    find,
    detect,
    compare: (left, right) => names.indexOf(left) - names.indexOf(right),
    migrateToNewest(document) {
      const known = detect(document);
      if (known === null) return document;
      return later
        .slice(names.indexOf(known.version))
        .reduce((migrated, { migrateFromPrevious }) => migrateFromPrevious(migrated), document);
    },
  };
}

function withFields({ version, schema }: LaterVersion): AttributesVersion {
  return {
    version,
    schema,
    fields: Object.keys(objectIn(schema, 'properties')),
    extensions: extensionsIn(schema),
  };
}

/** A schema names the extension keys of its version among its definitions. */
function extensionsIn(schema: JsonObject): readonly ExtensionKey[] {
  const definitions = objectIn(schema, '$defs');
  return extensionKeys.filter((key) => Object.hasOwn(definitions, key));
}

function objectIn(schema: JsonObject, key: string): JsonObject {
  const value = memberOf(schema, key);
  return isJsonObject(value) ? value : {};
}

/**
 * Every version that was released. Detection, validation, migration, the version that is written,
 * the schemas that are served and the versions that the API takes follow from this list.
 */
export const releasedVersions: readonly [FirstVersion, ...LaterVersion[]] = [
  { version: '1.0', schema: schemaV1, fields: standardFieldsV1 },
  { version: '2.0', schema: schemaV2, migrateFromPrevious: migrateV1 },
];

export const attributesVersions: AttributesVersions = createVersions(...releasedVersions);

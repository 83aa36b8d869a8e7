import type { JsonObject, JsonValue } from '#domain/json.ts';
import type { Instant } from '#domain/instant.ts';

/** Of a released version; `versions.ts` lists them. */
export type SchemaVersion = string;

export type RetentionPolicy = 'temporary' | 'permanent';

export interface LegalHold extends JsonObject {
  readonly id: string;
  readonly reason: string;
  readonly placed_by: string;
  readonly placed_at: Instant;
}

export interface Retention extends JsonObject {
  readonly policy: RetentionPolicy;
  readonly expires_at?: Instant | null;
  readonly finalized_at?: Instant | null;
  readonly retain_until?: Instant | null;
  readonly legal_holds?: readonly LegalHold[];
}

/** Says how the bytes on the element differ from the uploaded ones. */
export interface StoredForm extends JsonObject {
  readonly encoding: 'identity' | 'gzip' | 'br' | 'zstd';
  readonly size: number;
  readonly checksum: string;
}

/**
 * Attributes as the whole system handles them in memory: always the newest form, whatever version
 * or dialect the sidecar on the element has. Names are those of the sidecar. Keys that we do not
 * know stand in the object beside the others, in their original order.
 *
 * The extension keys (`tags`, `retention`, `stored`, `template`, `revision`) are not named here on
 * purpose: a foreign sidecar may use such a key for something else. `extensionsOf` reads them.
 */
export interface Attributes extends JsonObject {
  readonly schema_version: SchemaVersion;
  readonly file_id: string;
  readonly original_filename: string;
  readonly storage_filename: string;
  /** Bytes of the uploaded content. */
  readonly file_size: number;
  readonly content_type: string;
  readonly created_at: Instant;
  readonly updated_at: Instant;
  /** Null for dialects that never had it; written as the empty string. */
  readonly created_by_id: string | null;
  readonly created_by_username: string;
  readonly created_by_fullname: string | null;
  readonly description: string | null;
  readonly version: string | null;
  /** Directory `YYYY/MM/DD/HH/` with its trailing slash. */
  readonly storage_path: string;
  /** SHA-256 of the uploaded content, 64 lower-case hex digits. */
  readonly checksum: string;
  readonly metadata: JsonObject;
  readonly custom_attributes: JsonObject;
  readonly [otherKey: string]: JsonValue | undefined;
}

/** The extension keys of a file, as far as they have their shape. */
export interface AttributeExtensions {
  /** Empty when there are none. */
  readonly tags: readonly string[];
  /** Null: permanent, and locked against expiry. */
  readonly retention: Retention | null;
  /** A `retention` that is there but cannot be read locks the file: nothing may delete it. */
  readonly isRetentionReadable: boolean;
  /** Null: the stored bytes are the uploaded ones. */
  readonly stored: StoredForm | null;
  /** `name@version` of the schema that `custom_attributes` were checked against. */
  readonly template: string | null;
  /** Null for sidecars that ArtStore has not written yet. */
  readonly revision: number | null;
}

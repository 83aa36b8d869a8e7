import type { JsonObject, JsonValue } from '#domain/json.ts';
import type { Instant } from '#domain/instant.ts';

export type SchemaVersion = '1.0' | '2.0';

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

/**
 * Attributes as the whole system handles them in memory: always the newest form, whatever version
 * or dialect the sidecar on the element has. Names are those of the sidecar. Keys that we do not
 * know stand in the object beside the others, in their original order.
 */
export interface Attributes extends JsonObject {
  readonly schema_version: '2.0';
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
  readonly tags?: readonly string[];
  readonly retention?: Retention;
  readonly template?: string;
  readonly revision?: number;
  readonly custom_attributes: JsonObject;
  readonly [unknownKey: string]: JsonValue | undefined;
}

import type { Attributes, RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { columnOfInstant, columnOfText } from './column-types.ts';

/** What the catalogue sorts and filters by; everything else it reads from `attributes`. */
export interface FileColumns {
  readonly originalFilename: string;
  readonly fileSize: number;
  readonly contentType: string;
  readonly createdByUsername: string;
  readonly tags: readonly string[];
  readonly retentionPolicy: RetentionPolicy;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly revision: number;
}

/** Above these an index entry could become too long; adopted sidecars may be of any length. */
const indexedChars = 500;

/**
 * In JavaScript rather than in SQL: PostgreSQL reads no member of a JSON text that has `\u0000` or
 * half a surrogate pair anywhere in it, and such a file must not be stuck half stored.
 */
export function deriveFileColumns(attributes: Attributes): FileColumns {
  const extensions = extensionsOf(attributes);
  return {
    originalFilename: columnOfText(attributes.original_filename, indexedChars),
    fileSize: attributes.file_size,
    contentType: columnOfText(attributes.content_type, indexedChars),
    createdByUsername: columnOfText(attributes.created_by_username, indexedChars),
    tags: extensions.tags.map((tag) => columnOfText(tag, indexedChars)),
    // A sidecar without retention is permanent: nothing starts a clock for it.
    retentionPolicy: extensions.retention?.policy ?? 'permanent',
    createdAt: columnOfInstant(attributes.created_at),
    updatedAt: columnOfInstant(attributes.updated_at),
    revision: extensions.revision ?? 1,
  };
}

/** The text form of a `text[]`, for arrays that travel inside another array. */
function arrayLiteral(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

/** As parameters of a statement that writes many rows: an array per column, in the order above. */
export function columnArrays(rows: readonly FileColumns[]): unknown[] {
  return [
    rows.map((row) => row.originalFilename),
    rows.map((row) => row.fileSize),
    rows.map((row) => row.contentType),
    rows.map((row) => row.createdByUsername),
    rows.map((row) => arrayLiteral(row.tags)),
    rows.map((row) => row.retentionPolicy),
    rows.map((row) => row.createdAt),
    rows.map((row) => row.updatedAt),
    rows.map((row) => row.revision),
  ];
}

import type { Attributes, Retention } from '#domain/attributes/attributes-types.ts';
import type { RetentionChoice, UserFields } from '#domain/attributes/user-fields.ts';
import type { FileId } from '#domain/ids.ts';
import { addDays, type Instant } from '#domain/instant.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import type { TemplateId } from '#domain/templates/template-name.ts';

export interface NewFile extends StorageLocation {
  readonly fileId: FileId;
  readonly originalFilename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content, lower-case hex. */
  readonly checksum: string;
  readonly createdAt: Instant;
  readonly createdBy: {
    readonly id: string;
    readonly username: string;
    readonly fullname: string | null;
  };
  readonly fields: UserFields;
  readonly retention: RetentionChoice;
  /** What `custom_attributes` were checked against. */
  readonly template?: TemplateId | null;
}

/**
 * The attributes of a file that is being stored, revision 1, in the shape of version 2.0: the codec
 * brings them to the newest when it writes.
 */
export function createAttributes(file: NewFile): Attributes {
  return {
    schema_version: '2.0',
    file_id: file.fileId,
    original_filename: file.originalFilename,
    storage_filename: file.storageFilename,
    file_size: file.sizeBytes,
    content_type: file.contentType,
    created_at: file.createdAt,
    updated_at: file.createdAt,
    created_by_id: file.createdBy.id,
    created_by_username: file.createdBy.username,
    created_by_fullname: file.createdBy.fullname,
    description: file.fields.description,
    version: file.fields.version,
    storage_path: file.storagePath,
    checksum: file.checksum,
    metadata: file.fields.metadata,
    custom_attributes: file.fields.customAttributes,
    tags: file.fields.tags,
    retention: createRetention(file.retention, file.createdAt),
    ...((file.template ?? null) !== null && { template: file.template }),
    revision: 1,
  };
}

function createRetention(choice: RetentionChoice, createdAt: Instant): Retention {
  if (choice.policy === 'temporary') {
    return { policy: 'temporary', expires_at: addDays(createdAt, choice.ttlDays) };
  }
  return choice.retainUntil === null
    ? { policy: 'permanent' }
    : { policy: 'permanent', retain_until: choice.retainUntil };
}

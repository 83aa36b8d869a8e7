import { createHash } from 'node:crypto';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import { createAttributes } from '#domain/attributes/new-attributes.ts';
import type { RetentionChoice, UserFields } from '#domain/attributes/user-fields.ts';
import type { Caller } from '#domain/access/access.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import { chooseOriginalFilename, chooseStorageName } from '#domain/naming/storage-name.ts';
import type { StagedContent } from '#domain/ports/object-store.ts';
import type { StagedUpload } from '#domain/uploads.ts';
import type { CheckedFields } from '#api/uploads/upload-fields.ts';
import { formatTemplateReference, type TemplateId } from '#domain/templates/template-name.ts';

/** Everything about an upload but where it goes and what its bytes are. */
export interface FileDescription {
  /** As it was sent. */
  readonly filename: string;
  readonly contentType: string;
  readonly fields: CheckedFields;
}

export interface UploadIdentity {
  readonly fileId: FileId;
  readonly elementId: ElementId;
  readonly caller: Caller;
  readonly createdAt: Instant;
}

/**
 * From here on the result is determined: a repeated step writes the same bytes.
 * @throws ATTRIBUTES_TOO_LARGE, FILENAME_INVALID, USERNAME_INVALID, REQUEST_MALFORMED
 */
export function determineUpload(
  codec: AttributesCodec,
  identity: UploadIdentity,
  file: FileDescription & { readonly content: StagedContent; readonly template: TemplateId | null },
): StagedUpload {
  const { fileId, elementId, caller, createdAt } = identity;
  const { content, fields } = file;
  const { originalFilename, ...location } = chooseStorageName({
    originalFilename: file.filename,
    username: caller.name,
    createdAt,
    fileId,
  });
  const attributes = createAttributes({
    ...location,
    fileId,
    originalFilename,
    contentType: file.contentType,
    sizeBytes: content.sizeBytes,
    checksum: content.checksum,
    createdAt,
    createdBy: { id: caller.accountId, username: caller.name, fullname: null },
    fields: fields.user,
    retention: fields.retention,
    template: file.template,
  });
  const sidecar = codec.encodeSidecar(attributes, { reserveBytes: limits.sidecarReserveBytes });
  return {
    fileId,
    elementId,
    ...location,
    sidecar: sidecar.text,
    sidecarDigest: sidecar.digest,
    sizeBytes: content.sizeBytes,
    fingerprint: fingerprintOf(file, content.checksum),
  };
}

/** Tells a retry from other content: the fields and the file's digest, not the bytes of a form. */
export function fingerprintOf(file: FileDescription, checksum: string): string {
  const { user, retention, template } = file.fields;
  const canonical = canonicalizeJson({
    filename: chooseOriginalFilename(file.filename),
    content_type: file.contentType,
    description: user.description,
    version: user.version,
    tags: user.tags,
    metadata: user.metadata,
    custom_attributes: user.customAttributes,
    retention: { ...retention },
    // As it was sent: "the newest" may be another one when the upload is repeated.
    ...(template !== null && { template: formatTemplateReference(template) }),
    checksum,
  });
  return createHash('sha256').update(canonical).digest('hex');
}

const noContent: StagedContent = { sizeBytes: 0, checksum: '0'.repeat(64) };
/** All that we add ourselves takes less than the rest of the limit: most uploads need no second look. */
const surelyFittingBytes = 1024;
const someTemporary: RetentionChoice = { policy: 'temporary', ttlDays: limits.ttlDaysDefault };

/**
 * Refuses before content is stored what its attributes would be refused for afterwards. The size
 * is not known yet and taken as the shortest number, so the check at the end has the last word.
 */
export function requireFittingAttributes(
  codec: AttributesCodec,
  identity: UploadIdentity,
  file: {
    readonly filename: string;
    readonly contentType: string;
    readonly user: UserFields;
    readonly retention: RetentionChoice | null;
    /** As far as it is known. */
    readonly template: TemplateId | null;
  },
): void {
  const { filename, contentType, user, template } = file;
  chooseOriginalFilename(filename);
  const sentBytes = Buffer.byteLength(JSON.stringify([filename, contentType, user]));
  if (sentBytes <= surelyFittingBytes) return;
  const fields = { user, retention: file.retention ?? someTemporary, template: null };
  determineUpload(codec, identity, { filename, contentType, fields, template, content: noContent });
}

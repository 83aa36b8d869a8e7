import { presentDigest } from '#api/uploads/declared-digest.ts';
import type { Attributes, Retention } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import type { ElementId } from '#domain/ids.ts';
import { presentInstant, type Instant } from '#domain/instant.ts';
import type { FileState } from '#domain/ports/file-catalogue.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

export const filesPath = '/api/v1/files';

/** What the catalogue adds to the attributes. */
export interface FileStanding {
  readonly elementId: ElementId;
  readonly elementMode: StorageMode;
  readonly state: FileState;
  readonly verifiedAt: Instant | null;
}

/** A file as the API shows it. */
export function presentFile(attributes: Attributes, standing: FileStanding) {
  const { file_id: fileId } = attributes;
  const { tags, template, retention, revision, stored } = extensionsOf(attributes);
  const self = `${filesPath}/${fileId}`;
  return {
    file_id: fileId,
    original_filename: attributes.original_filename,
    file_size: attributes.file_size,
    content_type: attributes.content_type,
    checksum: { algorithm: 'sha-256', value: attributes.checksum },
    created_at: presentInstant(attributes.created_at),
    updated_at: presentInstant(attributes.updated_at),
    created_by: {
      id: attributes.created_by_id,
      username: attributes.created_by_username,
      fullname: attributes.created_by_fullname,
    },
    description: attributes.description,
    version: attributes.version,
    tags,
    metadata: attributes.metadata,
    custom_attributes: attributes.custom_attributes,
    template,
    retention: presentRetention(retention),
    storage: {
      element_id: standing.elementId,
      mode: standing.elementMode,
      path: `${attributes.storage_path}${attributes.storage_filename}`,
      encoding: stored?.encoding ?? 'identity',
      size: stored?.size ?? attributes.file_size,
    },
    schema_version: attributes.schema_version,
    revision: revision ?? 1,
    state: standing.state,
    verified_at: standing.verifiedAt === null ? null : presentInstant(standing.verifiedAt),
    links: { self, content: `${self}/content`, attributes: `${self}/attributes` },
  };
}

/** A file without a retention record is permanent and locked against expiry. */
function presentRetention(retention: Retention | null) {
  const show = (instant: Instant | null | undefined) =>
    (instant ?? null) === null ? null : presentInstant(instant as Instant);
  return {
    policy: retention?.policy ?? 'permanent',
    expires_at: show(retention?.expires_at),
    finalized_at: show(retention?.finalized_at),
    retain_until: show(retention?.retain_until),
    legal_holds: (retention?.legal_holds ?? []).map(({ id, reason, placed_by, placed_at }) => ({
      id,
      reason,
      placed_by,
      placed_at: presentInstant(placed_at),
    })),
  };
}

/** Strong, and of the attributes: the digest of the sidecar as it stands on the element. */
export function attributesEtag(sidecarDigest: string): string {
  return `"${sidecarDigest}"`;
}

export function contentDigestHeader(attributes: Attributes): string {
  return presentDigest(attributes.checksum);
}

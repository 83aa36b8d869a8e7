import { createHash, randomUUID } from 'node:crypto';
import { createAttributes } from '#domain/attributes/new-attributes.ts';
import type { AccountId, ElementId, FileId, GroupId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import { chooseStorageName } from '#domain/naming/storage-name.ts';
import type { OpenUpload, UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { StagedUpload } from '#domain/uploads.ts';

export const newFileId = (): FileId => randomUUID() as FileId;
export const newGroupId = (): GroupId => randomUUID() as GroupId;
export const newAccountId = (): AccountId => randomUUID() as AccountId;

/** A request of 4 KiB without a key for an `edit` element, unless said otherwise. */
export function uploadRequest(change: Partial<OpenUpload> = {}): OpenUpload {
  return {
    fileId: newFileId(),
    accountId: newAccountId(),
    idempotencyKey: null,
    retentionPolicy: 'temporary',
    declaredSizeBytes: 4096,
    leaseOwner: 'api-1',
    freeBytes: new Map(),
    ...change,
  };
}

export interface FileTraits {
  readonly originalFilename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly createdAt: string;
  readonly username: string;
  readonly tags: readonly string[];
  readonly retentionPolicy: 'temporary' | 'permanent';
  readonly metadata: JsonObject;
  readonly description: string | null;
  readonly customAttributes: JsonObject;
}

const usual: FileTraits = {
  originalFilename: 'Договор поставки №127.pdf',
  contentType: 'application/pdf',
  sizeBytes: 4096,
  createdAt: '2025-11-08T10:30:45.123456789Z',
  username: 'ivanov',
  tags: [],
  retentionPolicy: 'temporary',
  metadata: {},
  description: null,
  customAttributes: {},
};

/** What an API process hands over once the content of an upload is staged. */
export function stagedUpload(
  upload: { readonly fileId: FileId; readonly elementId: ElementId },
  change: Partial<FileTraits> = {},
): StagedUpload {
  const traits = { ...usual, ...change };
  const createdAt = parseInstant(traits.createdAt)!;
  const { fileId, elementId } = upload;
  const location = chooseStorageName({ ...traits, createdAt, fileId });
  const attributes = createAttributes({
    ...traits,
    ...location,
    fileId,
    createdAt,
    checksum: sha256Hex(fileId),
    createdBy: { id: newAccountId(), username: traits.username, fullname: null },
    fields: {
      description: traits.description,
      version: null,
      tags: traits.tags,
      metadata: traits.metadata,
      customAttributes: traits.customAttributes,
    },
    retention:
      traits.retentionPolicy === 'permanent'
        ? { policy: 'permanent', retainUntil: null }
        : { policy: 'temporary', ttlDays: 30 },
  });
  const sidecar = JSON.stringify(attributes);
  return {
    fileId,
    elementId,
    sidecar,
    sidecarDigest: sha256Hex(sidecar),
    storagePath: location.storagePath,
    storageFilename: location.storageFilename,
    sizeBytes: traits.sizeBytes,
    fingerprint: sha256Hex(`fingerprint of ${fileId}`),
  };
}

/** Opens, stages, claims and records files as one group. */
export async function storeFiles(
  registry: UploadRegistry,
  files: readonly Partial<FileTraits>[],
): Promise<readonly StagedUpload[]> {
  const staged = await Promise.all(
    files.map(async (traits) => {
      const request = uploadRequest({
        retentionPolicy: traits.retentionPolicy ?? 'temporary',
        declaredSizeBytes: traits.sizeBytes ?? usual.sizeBytes,
      });
      const outcome = await registry.openUpload(request);
      if (outcome.kind !== 'opened') throw new Error('the upload was not opened');
      return stagedUpload({ fileId: request.fileId, elementId: outcome.elementId }, traits);
    }),
  );
  const groupId = newGroupId();
  const ids = staged.map((upload) => upload.fileId);
  await registry.stageUploads(staged);
  await registry.claimGroup(groupId, ids);
  await registry.recordGroup(
    groupId,
    ids.map((fileId) => ({ fileId, ok: true })),
  );
  return staged;
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

import type { ErrorCode } from '#domain/errors.ts';
import type { AccountId, ElementId, FileId, GroupId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';

/**
 * `receiving` (the API instance holds a lease) → `staged` (content durable, result determined) →
 * `committing` (a `storeFiles` workflow owns it) → `stored` | `failed`.
 */
export type UploadState = 'receiving' | 'staged' | 'committing' | 'stored' | 'failed';

/** Everything that is determined once content is staged: a repeated step writes the same bytes. */
export interface StagedUpload {
  readonly fileId: FileId;
  readonly elementId: ElementId;
  /** The whole sidecar as it will stand on the element, integrity digest included. */
  readonly sidecar: string;
  /** SHA-256 of the sidecar's UTF-8 bytes, lower-case hex: the ETag of the attributes. */
  readonly sidecarDigest: string;
  readonly storagePath: string;
  readonly storageFilename: string;
  readonly sizeBytes: number;
  /** SHA-256 over fields and content digest, lower-case hex: tells a retry from other content. */
  readonly fingerprint: string;
}

export interface UploadFailure {
  readonly code: ErrorCode;
  readonly detail: string;
}

export interface Upload {
  readonly fileId: FileId;
  readonly accountId: AccountId;
  readonly elementId: ElementId;
  readonly state: UploadState;
  readonly idempotencyKey: string | null;
  readonly reservedBytes: number;
  readonly groupId: GroupId | null;
  /** Null while receiving, and for uploads that failed before they were staged. */
  readonly staged: StagedUpload | null;
  readonly failure: UploadFailure | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly finishedAt: Instant | null;
}

/** The fate of one file in a step that handles many. */
export type FileOutcome =
  | { readonly fileId: FileId; readonly ok: true }
  | {
      readonly fileId: FileId;
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
    };

export type FailedFile = Extract<FileOutcome, { readonly ok: false }>;

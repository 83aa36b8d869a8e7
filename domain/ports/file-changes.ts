import type { AccountId, ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { AttributesChange, BatchDeletion, Deletion } from '#domain/ports/file-lifecycle.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import type { UploadFailure } from '#domain/uploads.ts';

/** A file as it stands in the catalogue, with the change that wants it. */
export interface FileChange extends StorageLocation {
  readonly operationId: OperationId;
  readonly kind: 'updateAttributes' | 'deleteFile';
  readonly startedBy: AccountId;
  readonly startedAt: Instant;
  /** The sidecar that the caller saw; null: whatever stands there. */
  readonly expectedDigest: string | null;
  /** The new sidecar, determined to the byte; null for a deletion, and once it is recorded. */
  readonly newSidecar: { readonly text: string; readonly digest: string } | null;
  /** True while the file belongs to this operation: nobody else may change it. */
  readonly isClaimed: boolean;
  readonly fileId: FileId;
  readonly elementId: ElementId;
  readonly elementMode: StorageMode;
  /** Newest form, as JSON text. */
  readonly attributes: string;
  readonly sidecarDigest: string;
}

export type ClaimOutcome =
  | { readonly kind: 'claimed' }
  | { readonly kind: 'busy'; readonly workflowId: string; readonly operationId: OperationId }
  | { readonly kind: 'digest-differs' }
  /** Also of a file that is being deleted. */
  | { readonly kind: 'not-found' }
  | { readonly kind: 'mode-forbids'; readonly mode: StorageMode }
  /** The operation was given up before its workflow came to it: nothing may be done. */
  | { readonly kind: 'operation-ended' };

export interface OpenedDeletion {
  readonly operationId: OperationId;
  /** False: it is an earlier one, which has not ended. */
  readonly isNew: boolean;
}

/** One file of a batch, in the order of the request. */
export interface BatchItem {
  readonly fileId: FileId;
  /** Of its own operation, should it come to one. */
  readonly operationId: OperationId;
}

export interface BatchInput {
  readonly items: readonly BatchItem[];
  readonly startedBy: AccountId;
  readonly onlyCreatedBy: AccountId | null;
  readonly graceMs: number;
}

export interface BatchPlan {
  readonly workflowId: string;
  readonly items: readonly BatchItem[];
}

/**
 * Changes of files in the catalogue. One owner per file: whoever changes it holds its claim, which
 * is taken by the same statement that checks digest, mode and tombstone, and given back together
 * with the operation's end. Every method is durable when it resolves, may be run twice, and throws
 * `CATALOGUE_UNAVAILABLE` when the database does not answer.
 */
export interface FileChanges {
  /** The operation, `pending`, with everything that its workflow needs. */
  openAttributesChange(change: AttributesChange, workflowId: string): Promise<void>;
  /** The same for a deletion; one file has at most one that has not ended. */
  openDeletion(deletion: Deletion, workflowId: string): Promise<OpenedDeletion>;
  openBatchDeletion(batch: BatchDeletion, plan: BatchPlan): Promise<void>;
  /** Null when the operation, or its file, is not there. */
  findChange(operationId: OperationId): Promise<FileChange | null>;
  /**
   * Takes the file for an operation that is pending or running, which then is `running`.
   * @param expectedDigest of the sidecar; must be the file's. A deletion also puts the tombstone:
   *   from then on readers do not find the file.
   */
  claimFile(operationId: OperationId, expectedDigest: string): Promise<ClaimOutcome>;
  /**
   * After the new sidecar stands on the element: row, event, claim and operation in one transaction.
   * @returns false when the file is no longer this operation's and has another sidecar
   */
  recordAttributes(operationId: OperationId): Promise<boolean>;
  /** The operation ends without effect: the claim is released, a tombstone lifted. */
  giveUpChange(
    operationId: OperationId,
    state: 'failed' | 'cancelled',
    failure: UploadFailure,
  ): Promise<void>;
  /**
   * After the sidecar is gone from its place: the row goes, a tombstone record stays, room is
   * given back, the event is written, the operation completed; one transaction.
   * @param checksum SHA-256 of the content, for the record
   * @returns false when the file is no longer this operation's
   */
  purgeFile(operationId: OperationId, checksum: string): Promise<boolean>;
  /** Claims of this element that are older than `idleMs` and whose operation is not there or has ended. */
  releaseOrphanedClaims(elementId: ElementId, idleMs: number): Promise<number>;
  /** Those of `fileIds` that have a row. */
  findPresent(fileIds: readonly FileId[]): Promise<ReadonlySet<FileId>>;
}

import type { AccountId, ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { Operation } from '#domain/operations.ts';
import type { StagedUpload, UploadFailure } from '#domain/uploads.ts';

export type StoreOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'failed'; readonly failure: UploadFailure }
  /** Still under way at the deadline: the caller gets 202 with the operation. */
  | { readonly kind: 'pending' };

/** A rewrite of one sidecar, determined to the byte before it is handed over. */
export interface AttributesChange {
  /** A new one; the change's workflow is `update-attributes/<operation_id>`. */
  readonly operationId: OperationId;
  readonly fileId: FileId;
  readonly elementId: ElementId;
  readonly startedBy: AccountId;
  /** SHA-256 of the sidecar that the change was made from: the caller's `If-Match`. */
  readonly expectedDigest: string;
  /** The whole new sidecar, integrity digest included, and its SHA-256. */
  readonly sidecar: string;
  readonly sidecarDigest: string;
}

export type ChangeOutcome =
  | { readonly kind: 'changed' }
  /** `FILE_BUSY` carries the operation that holds the file. */
  | { readonly kind: 'failed'; readonly failure: UploadFailure; readonly operationId?: OperationId }
  | { readonly kind: 'pending' };

export interface Deletion {
  /** A new one; not used when a deletion of this file is already under way. */
  readonly operationId: OperationId;
  readonly fileId: FileId;
  readonly elementId: ElementId;
  readonly startedBy: AccountId;
  /** The sidecar that the caller saw; null: whatever stands there. */
  readonly expectedDigest: string | null;
  /** How long a cancel can still lift the tombstone. */
  readonly graceMs: number;
}

export interface BatchDeletion {
  readonly operationId: OperationId;
  /** At most `limits.batchFiles`. */
  readonly fileIds: readonly FileId[];
  readonly startedBy: AccountId;
  /** Set for callers who may delete only what they stored. */
  readonly onlyCreatedBy: AccountId | null;
  readonly graceMs: number;
}

/** Starts the durable work that changes files, and waits for its end. */
export interface FileLifecycle {
  /**
   * Hands a staged upload to the next group of its element and waits. Once it is called the
   * caller touches neither staging nor reservation, whatever it returns or throws.
   * @throws WORKFLOWS_UNAVAILABLE when nothing was committed and nothing will be.
   */
  storeFile(upload: StagedUpload): Promise<StoreOutcome>;
  /** Waits for an upload that somebody else handed over, at most `limits.storeDeadlineMs`. */
  awaitUpload(fileId: FileId): Promise<StoreOutcome>;
  /**
   * Writes the new sidecar if the file still has the expected one and nobody else holds it.
   * @throws WORKFLOWS_UNAVAILABLE when nothing was changed and nothing will be.
   */
  updateAttributes(change: AttributesChange): Promise<ChangeOutcome>;
  /**
   * Starts the deletion; returns once the file is tombstoned (reads no longer find it).
   * @returns the operation, which is an earlier one when a deletion was already under way.
   * @throws FILE_NOT_FOUND, FILE_BUSY (with operation), PRECONDITION_FAILED, MODE_FORBIDS_OPERATION,
   *   RETENTION_FORBIDS_DELETION, WORKFLOWS_UNAVAILABLE
   */
  deleteFile(deletion: Deletion): Promise<OperationId>;
  /** Starts one operation with an outcome per file. @throws WORKFLOWS_UNAVAILABLE */
  deleteFiles(deletion: BatchDeletion): Promise<OperationId>;
  /** Asks the operation's workflow to end; one that has passed its commit point goes on. @throws WORKFLOWS_UNAVAILABLE */
  cancelOperation(operation: Operation): Promise<void>;
  /** False while Temporal does not answer: uploads are refused before their body is read. */
  isAvailable(): boolean;
}

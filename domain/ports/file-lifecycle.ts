import type { FileId } from '#domain/ids.ts';
import type { StagedUpload, UploadFailure } from '#domain/uploads.ts';

export type StoreOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'failed'; readonly failure: UploadFailure }
  /** Still under way at the deadline: the caller gets 202 with the operation. */
  | { readonly kind: 'pending' };

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
  /** False while Temporal does not answer: uploads are refused before their body is read. */
  isAvailable(): boolean;
}

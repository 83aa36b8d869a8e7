import type { RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import type { AccountId, ElementId, FileId, GroupId } from '#domain/ids.ts';
import type {
  FileOutcome,
  StagedUpload,
  Upload,
  UploadFailure,
  UploadState,
} from '#domain/uploads.ts';

export interface OpenUpload {
  readonly fileId: FileId;
  readonly accountId: AccountId;
  readonly idempotencyKey: string | null;
  readonly retentionPolicy: RetentionPolicy;
  /** Null: unknown, reserved in steps of `limits.reservationStepBytes`. */
  readonly declaredSizeBytes: number | null;
  /** Names the API instance that receives the body; its lease lasts `limits.uploadLeaseMs`. */
  readonly leaseOwner: string;
  /** What the element's file system has free, as far as this process can see it. */
  readonly freeBytes: ReadonlyMap<ElementId, number>;
}

export type OpenUploadOutcome =
  | { readonly kind: 'opened'; readonly elementId: ElementId }
  /** The idempotency key belongs to this upload, which has not failed and is not abandoned. */
  | { readonly kind: 'existing'; readonly upload: Upload };

export interface SweptUploads {
  /** Uploads that are now `failed`; what they left in staging may go. */
  readonly abandoned: readonly FileId[];
}

/**
 * Uploads with their reservations and idempotency keys. Every change of state is a
 * compare-and-set on the state before, so that two owners can never both act on one upload.
 * Every method is durable when it resolves and throws `CATALOGUE_UNAVAILABLE` when the database
 * does not answer.
 */
export interface UploadRegistry {
  /**
   * Chooses the element by the placement rules, reserves room and makes the row, in one
   * transaction, before a byte of the body is read. A key whose upload failed, or is receiving
   * with an expired lease, is taken over.
   * @throws DomainError `INSUFFICIENT_STORAGE`, `ELEMENT_UNAVAILABLE` (no online element of that mode)
   */
  openUpload(request: OpenUpload): Promise<OpenUploadOutcome>;
  /**
   * Reserves more room for a body of unknown length.
   * @param freeBytes what the element's file system has free, when the caller can see it
   * @throws INSUFFICIENT_STORAGE, UPLOAD_NOT_CURRENT
   */
  extendReservation(fileId: FileId, additionalBytes: number, freeBytes?: number): Promise<void>;
  /** Prolongs the leases of uploads that are still receiving. */
  renewLeases(leaseOwner: string, fileIds: readonly FileId[]): Promise<void>;
  /**
   * `receiving` → `staged`. @returns the ids that were still receiving, and those that an earlier
   * attempt with the same sidecar has staged: a repetition after a lost answer says the same.
   */
  stageUploads(uploads: readonly StagedUpload[]): Promise<ReadonlySet<FileId>>;
  /** From any of `from` to `failed`; releases the reservation in the same statement. @returns the ids that changed. */
  failUploads(
    fileIds: readonly FileId[],
    from: readonly UploadState[],
    failure: UploadFailure,
  ): Promise<ReadonlySet<FileId>>;
  /** `staged` → `committing(group)`. @returns all ids of the group, also those of an earlier attempt. */
  claimGroup(groupId: GroupId, fileIds: readonly FileId[]): Promise<readonly FileId[]>;
  /** The uploads of a group that are `committing`. */
  findGroup(groupId: GroupId): Promise<readonly StagedUpload[]>;
  /**
   * Catalogue rows, outbox events, reservations turned into use and uploads `stored` (or `failed`
   * for outcomes that are not ok), in one transaction. Repeating it changes nothing.
   * @returns the outcome of every upload of the group, also of those decided earlier.
   */
  recordGroup(groupId: GroupId, outcomes: readonly FileOutcome[]): Promise<readonly FileOutcome[]>;
  findUploads(fileIds: readonly FileId[]): Promise<readonly Upload[]>;
  /**
   * Receiving uploads whose lease ended and staged ones that no group took become `failed` and
   * their room is released; at most `limits.sweepBatch` in one call.
   */
  abandonDeadUploads(elementId: ElementId): Promise<SweptUploads>;
  /** Committing uploads that have not changed for `idleMs`: candidates for a workflow that ended by force. */
  findStalledGroups(elementId: ElementId, idleMs: number): Promise<readonly GroupId[]>;
  /** Finished uploads (and so keys and operations) past their keeping time. @returns how many went. */
  forgetFinishedUploads(elementId: ElementId): Promise<number>;
}

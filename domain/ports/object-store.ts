import type { ErrorCode } from '#domain/errors.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { FileOutcome, UploadFailure } from '#domain/uploads.ts';

/** Where a file's content stands; its sidecar stands beside it under `<storageFilename>.attr.json`. */
export interface StorageLocation {
  /** `YYYY/MM/DD/HH/`, trailing slash. */
  readonly storagePath: string;
  readonly storageFilename: string;
}

export interface StagedContent {
  readonly sizeBytes: number;
  /** SHA-256, lower-case hex. */
  readonly checksum: string;
}

/**
 * Where API processes put content on its way in. Nothing in staging is visible to readers.
 */
export interface StagingArea {
  /**
   * Streams content into staging while hashing. Durable when it resolves (content and directory
   * entry are fsynced). Memory is bounded by a few chunks whatever the size. On any failure what
   * was written is removed.
   * @param beforeWrite is told the total so far before it is written and may refuse by throwing
   *   (size limit, reservation).
   * @throws whatever the source or `beforeWrite` throws; `INSUFFICIENT_STORAGE` when the disk is
   *   full; `ELEMENT_UNAVAILABLE` on any other fault of the element.
   */
  stageContent(
    fileId: FileId,
    content: AsyncIterable<Uint8Array>,
    options: {
      readonly signal: AbortSignal;
      readonly beforeWrite?: (totalBytes: number) => Promise<void> | void;
    },
  ): Promise<StagedContent>;
  /**
   * Reads staged content back: a form may name its retention policy after the file, and the
   * content then moves to an element of the other mode. @throws ELEMENT_UNAVAILABLE
   */
  openStaged(
    fileId: FileId,
    options: { readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array> & AsyncDisposable>;
  /** Removes staged content; not there is fine. */
  discardStaged(fileId: FileId): Promise<void>;
  /** Bytes that the file system has free for us. */
  freeBytes(): Promise<number>;
}

export interface ContentStore {
  /**
   * Opens content for reading. `start` and `end` are inclusive byte positions; without them the
   * whole content is read. The length is checked before the first byte is given out. A chunk is
   * the caller's only until it asks for the next one, and the last until it disposes of the
   * content: then its memory may be used again, which keeps it flat whatever the size.
   * @throws CONTENT_MISSING (only while the element's marker is in place), CONTENT_CORRUPT when
   *   the length is not `sizeBytes`, ELEMENT_UNAVAILABLE otherwise.
   */
  openContent(
    location: StorageLocation,
    options: {
      readonly sizeBytes: number;
      readonly start?: number;
      readonly end?: number;
      readonly signal: AbortSignal;
    },
  ): Promise<AsyncIterable<Uint8Array> & AsyncDisposable>;
  /** At most `limits.sidecarReadCapBytes`. @throws CONTENT_MISSING, SIDECAR_CORRUPT (too large), ELEMENT_UNAVAILABLE */
  readSidecar(location: StorageLocation): Promise<Uint8Array>;
}

export interface ContentToCommit extends StorageLocation {
  readonly fileId: FileId;
  readonly sizeBytes: number;
}

export interface SidecarToWrite extends StorageLocation {
  readonly fileId: FileId;
  readonly sidecar: string;
  /** SHA-256 of the sidecar that stands there now; null: there must be none (an identical one is fine). */
  readonly expectedDigest: string | null;
}

export interface SidecarToMove extends StorageLocation {
  readonly fileId: FileId;
  /** SHA-256 of the sidecar that is to go; any other stays. */
  readonly expectedDigest: string;
}

export interface ContentToQuarantine extends StorageLocation {
  /** What it was found by; its quarantine is kept apart from that of others. */
  readonly operationId: OperationId;
  /** Why, and when that was decided: of rows, so that a repetition writes the same. */
  readonly code: ErrorCode;
  readonly decidedAt: Instant;
  /** Content that was changed at this time or later stays. */
  readonly changedBeforeMs: number;
}

export type QuarantineOutcome = { readonly ok: true } | ({ readonly ok: false } & UploadFailure);

/**
 * Changes to an element's visible tree. One process at a time has the right to use it; every
 * method may be run twice. A fault of one file is that file's outcome; a fault of the element
 * throws `ELEMENT_UNAVAILABLE` and may have been half done.
 */
export interface ElementWriter {
  /** Renames content from staging into place and fsyncs every directory touched. */
  commitContents(items: readonly ContentToCommit[]): Promise<readonly FileOutcome[]>;
  /** The reverse: content goes back to staging. Not there is fine; content with a sidecar stays. */
  returnContents(items: readonly ContentToCommit[]): Promise<void>;
  /** Temporary name, fsync, rename, fsync of the directory: the commit point of a file. */
  writeSidecars(items: readonly SidecarToWrite[]): Promise<readonly FileOutcome[]>;
  /** True when a sidecar with exactly this digest stands there. */
  hasSidecar(location: StorageLocation, digest: string): Promise<boolean>;
  /** Staged content and temporary files last changed at least `minAgeMs` ago, at most `limit`. */
  listStaged(options: { minAgeMs: number; limit: number }): Promise<readonly FileId[]>;
  discardStaged(fileId: FileId): Promise<void>;
  /**
   * Renames the sidecar out of the visible tree and fsyncs both directories: the commit point of
   * a deletion. A failed outcome means that nothing was moved: another sidecar stands there
   * (`SIDECAR_CORRUPT`), or none, and none was moved away earlier (`CONTENT_MISSING`).
   */
  moveSidecarAway(item: SidecarToMove): Promise<FileOutcome>;
  /** True when the file's sidecar was moved away and is not discarded yet. */
  isSidecarAway(fileId: FileId): Promise<boolean>;
  /**
   * Removes content whose sidecar is gone and fsyncs its directory; not there is fine.
   * @throws SIDECAR_CORRUPT when a sidecar stands there: then it is a file, and stays.
   */
  removeContent(item: StorageLocation & { readonly fileId: FileId }): Promise<void>;
  /** Files whose sidecar was moved away, at most `limit`. */
  listMovedSidecars(limit: number): Promise<readonly FileId[]>;
  discardMovedSidecar(fileId: FileId): Promise<void>;
  /**
   * Renames content that has no sidecar out of the visible tree into quarantine, beside a file
   * that says why, and fsyncs both directories. Whether an upload needs it is for the caller to
   * know. The same again is fine. A failed outcome means that nothing was moved: a sidecar stands
   * beside it, it was changed since, or it is no file (`FILE_CHANGED`); it is not there, and was
   * not moved earlier (`CONTENT_MISSING`).
   */
  quarantineContent(item: ContentToQuarantine): Promise<QuarantineOutcome>;
}

/** Where a walk stands: everything up to and with this name has been given out. */
export interface ElementPosition {
  /** Directory relative to the root, with its trailing slash; empty: the root itself. */
  readonly storagePath: string;
  readonly name: string;
}

/** Something that is no directory. */
export interface ElementEntry extends ElementPosition {
  /** False for links, sockets and the like, which are never followed. */
  readonly isFile: boolean;
  readonly sizeBytes: number;
  /** Milliseconds since 1970, whole. */
  readonly modifiedAtMs: number;
}

/** What stands in the place of a sidecar. */
export type InspectedSidecar =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'absent' }
  /** Larger than `limits.sidecarReadCapBytes`. */
  | { readonly kind: 'too-large'; readonly sizeBytes: number }
  /** No file: a link, a directory, a pipe. */
  | { readonly kind: 'unusable' };

/** What stands in the place of content; nothing of it is read. */
export type InspectedContent =
  | { readonly kind: 'file'; readonly sizeBytes: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unusable' };

export interface InspectedFile {
  readonly sidecar: InspectedSidecar;
  readonly content: InspectedContent;
}

export interface ElementListing {
  /**
   * Goes over the visible tree in order of (directory, name), both compared by their UTF-8 bytes:
   * the order of `storage_path collate "C", storage_filename collate "C"`. What is under
   * `.artstore/` is left out. Memory is bounded whatever the number of entries. What comes or goes
   * meanwhile may or may not be seen; what stands all the time is seen exactly once.
   * @param options.after starts behind this position
   * @throws ELEMENT_UNAVAILABLE also when the marker is not in place any more at the end
   */
  walkEntries(options: {
    readonly after: ElementPosition | null;
    readonly signal: AbortSignal;
  }): AsyncIterable<ElementEntry>;
  /**
   * Reads the sidecars of many files and looks at their content, the sidecar first: what is gone
   * by then went together. One answer for each location, in their order; what is absent is so
   * while the element's marker is in place. All the sidecars are held at once.
   * @throws INTERNAL for a location that cannot be used, ELEMENT_UNAVAILABLE
   */
  inspectFiles(
    locations: readonly StorageLocation[],
    options: { readonly signal: AbortSignal },
  ): Promise<readonly InspectedFile[]>;
}

/**
 * One storage element. Opening it checks its marker; a wrong or missing marker takes it offline:
 * every method then throws `ELEMENT_UNAVAILABLE` until the marker is right again.
 */
export interface ObjectStore extends StagingArea, ContentStore, ElementWriter, ElementListing {
  readonly elementId: ElementId;
  /** @throws ELEMENT_UNAVAILABLE when `.artstore/element.json` is missing or names another element. */
  checkMarker(): Promise<void>;
}

/** Opens elements by id and keeps them open. */
export interface ElementAccess {
  /** @throws ELEMENT_UNAVAILABLE when the element is not registered or not reachable from here. */
  openElement(elementId: ElementId): Promise<ObjectStore>;
}

import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { RowToWrite } from '#domain/ports/catalogue-rebuild.ts';
import type { FileState } from '#domain/ports/file-catalogue.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';

/** A row of the catalogue as it is compared with what stands on its element. */
export interface ElementRow extends StorageLocation {
  readonly fileId: FileId;
  /** Of the content as it was uploaded. */
  readonly sizeBytes: number;
  readonly sidecarDigest: string;
  readonly state: FileState;
  /** True while a change holds the file, or it is being deleted. */
  readonly isHeld: boolean;
  /** Another one after every change of the row, whatever changed. */
  readonly version: string;
}

/** What the catalogue knows of a location at one moment. */
export interface LocationRecord {
  readonly row: ElementRow | null;
  /** An upload that has not ended goes to this very place: its content may stand there already. */
  readonly isInFlight: boolean;
}

/** Rows by their locations. All methods throw `CATALOGUE_UNAVAILABLE`. */
export interface ElementRows {
  /** In order of (path, name), both by their UTF-8 bytes; keyset paging, the same cost on every page. */
  listRows(
    elementId: ElementId,
    page: { readonly after: StorageLocation | null; readonly limit: number },
  ): Promise<readonly ElementRow[]>;
  /** So many rows, at most `limits.countedRows`. */
  countRows(elementId: ElementId): Promise<number>;
  /** One answer for each location, in their order, all of one moment. */
  findRecords(
    elementId: ElementId,
    locations: readonly StorageLocation[],
  ): Promise<readonly LocationRecord[]>;
  /**
   * Adds rows of sidecars that have none, with one event and the element's counters, in one
   * transaction. Left out is a file that has a row, a tombstone or an upload under way by now, and
   * a place that has a row; all are when the operation has ended or the element's mode forbids it.
   * @returns the files whose rows were added by this call
   */
  addRows(
    operationId: OperationId,
    elementId: ElementId,
    rows: readonly Omit<RowToWrite, 'expectedDigest'>[],
  ): Promise<ReadonlySet<FileId>>;
}

import type { Attributes } from '#domain/attributes/attributes-types.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { FileState } from '#domain/ports/file-catalogue.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import type { Hold, StandingRow } from '#domain/rebuild/choose-file.ts';
import type { RebuildRun } from '#domain/rebuild/rebuild-run.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

export interface FoundStanding {
  readonly fileId: FileId;
  readonly hold: Hold | null;
  readonly row:
    | (Omit<StandingRow, 'finalizedAt'> & {
        /** Only where the row stands in another place than the file that was found. */
        readonly attributes: string | null;
      })
    | null;
}

/** A row as it follows from a sidecar, under the place where the sidecar was found. */
export interface RowToWrite extends StorageLocation {
  readonly fileId: FileId;
  readonly attributes: Attributes;
  /** The same as the text that the row keeps. */
  readonly text: string;
  readonly sidecarDigest: string;
  /** As the sidecar stands on the element, whatever the form of its attributes here. */
  readonly schemaVersion: string;
  readonly state: Extract<FileState, 'stored' | 'suspect' | 'missing' | 'archived'>;
  /** Of the row that it takes the place of; null: there must be none. */
  readonly expectedDigest: string | null;
}

export interface RebuildBatch {
  readonly operationId: OperationId;
  readonly elementId: ElementId;
  readonly rows: readonly RowToWrite[];
  /** Where the run stood, and where it stands with this batch. */
  readonly from: RebuildRun;
  readonly to: RebuildRun;
}

/**
 * Makes rows of the catalogue from sidecars. How far a run has come is written in the transaction
 * that writes the rows: whatever dies, each file counts once. All methods throw
 * `CATALOGUE_UNAVAILABLE`.
 */
export interface CatalogueRebuild {
  /**
   * SHA-256, lower-case hex, over `file_id<TAB>element_id<TAB>path<TAB>sidecar_digest\n` of every
   * visible row of the element in order of `file_id`; the path is the content's. Of a catalogue
   * that changes meanwhile it is no moment's digest. Goes over the whole catalogue in pages.
   */
  digestListing(elementId: ElementId, signal: AbortSignal): Promise<string>;
  /** @throws ELEMENT_NOT_FOUND */
  findMode(elementId: ElementId): Promise<StorageMode>;
  /** Where the run stands; null: it has not begun, or the operation has ended or is not there. */
  findRun(operationId: OperationId): Promise<RebuildRun | null>;
  /** Writes down where a run begins, unless it stands somewhere already. */
  beginRun(operationId: OperationId, run: RebuildRun): Promise<void>;
  /** What stands in the way of files found in these places; ids that nothing is known of are left out. */
  findStandings(
    elementId: ElementId,
    found: readonly (StorageLocation & { readonly fileId: FileId })[],
  ): Promise<readonly FoundStanding[]>;
  /**
   * All rows, one event, the element's counters, progress and result of the operation, or nothing:
   * `rows-changed` when one of the rows is not what was expected, is claimed or deleted by now;
   * `run-changed` when the run does not stand at `from` any more.
   */
  applyBatch(batch: RebuildBatch): Promise<'applied' | 'rows-changed' | 'run-changed'>;
}

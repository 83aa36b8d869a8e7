import type { ElementId, FileId } from '#domain/ids.ts';
import { compareInstants, type Instant } from '#domain/instant.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';

/** What decides between two sidecars with one `file_id`. */
export interface FileRank {
  /** 1 for sidecars that carry none. */
  readonly revision: number;
  readonly finalizedAt: Instant | null;
}

export interface FilePlace extends StorageLocation {
  readonly fileId: FileId;
  readonly elementId: ElementId;
}

/** A sidecar as it stands on an element. */
export interface FoundFile extends FilePlace, FileRank {
  readonly sidecarDigest: string;
}

/** A row of the catalogue. */
export type StandingRow = FoundFile;

/** Who else has to do with the file: whatever it is, the file is left to it. */
export type Hold = 'upload' | 'claim' | 'tombstone';

export interface Standing {
  readonly row: StandingRow | null;
  readonly hold: Hold | null;
}

export type Decision =
  | 'add'
  /** The row stands in the same place, with a lower revision. */
  | 'replace'
  /** The row stands in another place and is not the file any more. */
  | 'take-over'
  | 'unchanged'
  | 'in-flight'
  | 'tombstoned'
  /** Changed behind our back: never taken over silently while a row stands. */
  | 'changed'
  /** The row in another place is the file. */
  | 'duplicate'
  /** Neither is; the row that stands stays. */
  | 'tie';

/** What becomes of a sidecar that was found, with what the catalogue knows under its id. */
export function chooseFile(found: FoundFile, { row, hold }: Standing): Decision {
  if (hold === 'tombstone') return 'tombstoned';
  if (hold === 'upload') return 'in-flight';
  if (row === null) return 'add';
  const isInPlace = isSamePlace(found, row);
  if (isInPlace && found.sidecarDigest === row.sidecarDigest) return 'unchanged';
  if (hold === 'claim') return 'in-flight';
  if (isInPlace) return found.revision > row.revision ? 'replace' : 'changed';
  const order = compareRanks(found, row);
  if (order === 0) return 'tie';
  return order > 0 ? 'take-over' : 'duplicate';
}

/** Positive when `left` is the file: the higher revision, then the later `finalized_at`. */
export function compareRanks(left: FileRank, right: FileRank): number {
  if (left.revision !== right.revision) return left.revision - right.revision;
  if (left.finalizedAt === null || right.finalizedAt === null) {
    return Number(left.finalizedAt !== null) - Number(right.finalizedAt !== null);
  }
  return compareInstants(left.finalizedAt, right.finalizedAt);
}

export function isSamePlace(left: FilePlace, right: FilePlace): boolean {
  return (
    left.elementId === right.elementId &&
    left.storagePath === right.storagePath &&
    left.storageFilename === right.storageFilename
  );
}

import type { ElementId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';

export interface DirectoryClaim {
  readonly elementId: ElementId;
  /** Absolute and normalised. */
  readonly path: string;
  /** True: what lies there already is to become the element's. */
  readonly adopts: boolean;
  /** Directories of all other elements. */
  readonly others: readonly string[];
  readonly createdAt: Instant;
}

/** Directories on this machine that become storage elements. */
export interface ElementDirectories {
  /**
   * Makes a directory the element's: its marker and administration below `.artstore/`, and the
   * directory itself where only that is missing. Nothing else is touched. Durable when it resolves;
   * the same again is fine.
   * @returns the size of its file system
   * @throws ELEMENT_LOCATION_REFUSED before anything is written: for what is not a directory, is or
   *   lies behind a link, overlaps with another element, has the marker of another, holds files
   *   that are not to be adopted, or may not be written to. ELEMENT_UNAVAILABLE,
   *   INSUFFICIENT_STORAGE when the file system fails.
   */
  claimDirectory(claim: DirectoryClaim): Promise<{ readonly capacityBytes: number }>;
  /**
   * Takes the marker away again, of a claim whose registration came to nothing. A directory with
   * another marker, or without one, is left alone.
   */
  releaseDirectory(path: string, elementId: ElementId): Promise<void>;
}

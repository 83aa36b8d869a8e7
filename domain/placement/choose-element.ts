import { DomainError } from '#domain/errors.ts';
import { bytesToKeepFree, criticalFileSizeBytes } from '#domain/placement/thresholds.ts';
import type { FillMark } from '#domain/placement/thresholds.ts';
import type { StorageElement } from '#domain/storage-elements.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

/** What placement has to know of an element. */
export type PlacementElement = Pick<
  StorageElement,
  'elementId' | 'mode' | 'status' | 'priority' | 'capacityBytes' | 'usedBytes' | 'reservedBytes'
> & {
  /** What its file system has free; null when nobody can say (then the capacity alone counts). */
  readonly freeBytes: number | null;
};

export interface PlacementRequest {
  readonly mode: StorageMode;
  readonly sizeBytes: number;
}

/**
 * Sequential fill: of the online elements of the mode, in order of priority (then id), the first
 * that has room without going below its *full* mark.
 * @throws DomainError `ELEMENT_UNAVAILABLE` when no element of the mode is online,
 *   `INSUFFICIENT_STORAGE` when those that are have no room.
 */
export function chooseElement<Element extends PlacementElement>(
  elements: readonly Element[],
  request: PlacementRequest,
): Element {
  const online = elements
    .filter((element) => element.mode === request.mode && element.status === 'online')
    .toSorted(byPriority);
  if (online.length === 0) {
    throw new DomainError(
      'ELEMENT_UNAVAILABLE',
      `No storage element of mode ${request.mode} is online.`,
      { details: { mode: request.mode } },
    );
  }
  const chosen = online.find((element) => hasRoomFor(element, request.sizeBytes));
  if (chosen === undefined) {
    throw new DomainError(
      'INSUFFICIENT_STORAGE',
      `No storage element of mode ${request.mode} has room for ${request.sizeBytes} bytes.`,
      { details: { mode: request.mode, sizeBytes: request.sizeBytes } },
    );
  }
  return chosen;
}

/**
 * @param sizeBytes what is to be reserved now
 * @param fileBytes size of the whole file, when part of it is reserved already
 */
export function hasRoomFor(
  element: PlacementElement,
  sizeBytes: number,
  fileBytes: number = sizeBytes,
): boolean {
  const room = roomBytes(element);
  const level = fillLevel(element);
  if (level === 'critical' && fileBytes > criticalFileSizeBytes) return false;
  return room - sizeBytes >= bytesToKeepFree(element.mode, 'full', element.capacityBytes);
}

/** Bytes that may still be promised, the space to keep free included; negative when overdrawn. */
export function roomBytes(element: PlacementElement): number {
  const byCapacity = element.capacityBytes - element.usedBytes - element.reservedBytes;
  if (element.freeBytes === null) return byCapacity;
  return Math.min(byCapacity, element.freeBytes - element.reservedBytes);
}

/** The highest mark that is passed. */
export function fillLevel(element: PlacementElement): 'normal' | FillMark {
  const room = roomBytes(element);
  for (const mark of ['full', 'critical', 'warning'] as const) {
    if (room < bytesToKeepFree(element.mode, mark, element.capacityBytes)) return mark;
  }
  return 'normal';
}

/**
 * The same rule as two sums that must not be exceeded, for whoever reserves by compare-and-set:
 * it can be checked against counters that moved since the element was chosen.
 */
export interface ReservationCeiling {
  readonly usedAndReservedBytes: number;
  readonly reservedBytes: number;
}

export function reservationCeiling(element: PlacementElement): ReservationCeiling {
  const kept = bytesToKeepFree(element.mode, 'full', element.capacityBytes);
  return {
    usedAndReservedBytes: element.capacityBytes - kept,
    reservedBytes:
      element.freeBytes === null ? Number.MAX_SAFE_INTEGER : Math.floor(element.freeBytes) - kept,
  };
}

function byPriority(a: PlacementElement, b: PlacementElement): number {
  return a.priority - b.priority || (a.elementId < b.elementId ? -1 : 1);
}

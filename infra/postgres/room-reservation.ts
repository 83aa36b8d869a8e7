import { DomainError } from '#domain/errors.ts';
import { reservationCeiling } from '#domain/placement/choose-element.ts';
import type { PlacementElement } from '#domain/placement/choose-element.ts';
import { reservationRefusedState, sqlState } from './database-errors.ts';

/**
 * How room is reserved. The element is chosen by counters that were read without a lock. The
 * statement that then makes (or extends) the uploads adds to the element's counters as the last
 * thing it does, checks the sums there again, and undoes itself when they do not fit any more. So
 * the one row that everybody needs is locked only for the moment before the commit, and everyone
 * locks uploads before elements.
 */
export const promiseRoom = (taken: string): string => `
  update storage_elements e
  set reserved_bytes = case
    when e.status = 'online' and e.mode = $2 and e.capacity_bytes = $3
      and e.used_bytes + e.reserved_bytes + t.bytes <= $4
      and e.reserved_bytes + t.bytes <= $5
    then e.reserved_bytes + t.bytes
    else refuse_reservation() end
  from (select sum(bytes)::bigint as bytes from ${taken}) t
  where e.element_id = $1 and t.bytes is not null`;

/** The values of `$1` to `$5`. */
export function roomValues(element: PlacementElement): unknown[] {
  const ceiling = reservationCeiling(element);
  return [
    element.elementId,
    element.mode,
    element.capacityBytes,
    ceiling.usedAndReservedBytes,
    ceiling.reservedBytes,
  ];
}

export function isRoomRefused(error: unknown): boolean {
  return sqlState(error) === reservationRefusedState;
}

/** Others take room all the time; that nobody gets through so often means something is wrong. */
export const reservationRounds = 20;

export function noRoundsLeft(): DomainError {
  return new DomainError(
    'CATALOGUE_UNAVAILABLE',
    'The storage element is too busy to reserve room on it.',
  );
}

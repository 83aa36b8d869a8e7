import type { Settled } from '#domain/batcher.ts';
import { DomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import { hasRoomFor } from '#domain/placement/choose-element.ts';
import type { PlacementElement } from '#domain/placement/choose-element.ts';
import type { Database } from './open-pool.ts';
import {
  isRoomRefused,
  noRoundsLeft,
  promiseRoom,
  reservationRounds,
  roomValues,
} from './room-reservation.ts';
import { readPlacementElements } from './storage-element-rows.ts';

export interface Extension {
  readonly fileId: FileId;
  readonly additionalBytes: number;
  readonly freeBytes: number | null;
}

type Outcomes = Map<Extension, Settled<void>>;

interface ReservationRow {
  readonly file_id: FileId;
  readonly element_id: ElementId;
  readonly reserved_bytes: number;
}

const findReservations = {
  name: 'find-reservations',
  text: `select file_id, element_id, reserved_bytes from uploads
    where file_id = any($1::uuid[]) and state = 'receiving'`,
};

const extend = {
  name: 'extend-reservations',
  text: `with wanted as (select * from unnest($6::uuid[], $7::bigint[]) as w (file_id, bytes)),
    locked as (
      select file_id from uploads where file_id = any($6::uuid[]) and state = 'receiving'
      order by file_id for no key update
    ), extended as (
      update uploads u set reserved_bytes = u.reserved_bytes + wanted.bytes
      from locked join wanted using (file_id)
      where u.file_id = locked.file_id and u.state = 'receiving' and u.element_id = $1
      returning u.file_id, wanted.bytes
    ), promised as (${promiseRoom('extended')})
    select file_id from extended`,
};

/** In rounds, as uploads are opened: what somebody else's reservation pushed out is decided anew. */
export async function extendReservations(
  database: Database,
  extensions: readonly Extension[],
): Promise<Settled<void>[]> {
  const outcomes: Outcomes = new Map();
  for (let round = 0; round < reservationRounds && outcomes.size < extensions.length; round += 1) {
    const next = onePerFile(extensions.filter((extension) => !outcomes.has(extension)));
    const [elements, rows] = await Promise.all([
      readPlacementElements(database),
      database.query<ReservationRow>(findReservations, [next.map(({ fileId }) => fileId)]),
    ]);
    const reservations = new Map(rows.map((row) => [row.file_id, row]));
    for (const extension of next.filter(({ fileId }) => !reservations.has(fileId))) {
      outcomes.set(extension, { ok: false, error: notReceiving() });
    }
    for (const counters of elements) {
      const group = next.filter(
        ({ fileId }) => reservations.get(fileId)?.element_id === counters.elementId,
      );
      const element = { ...counters, freeBytes: leastFree(group) };
      const fitting = keepFitting(element, group, { reservations, outcomes });
      await extendOnElement(database, element, { fitting, outcomes });
    }
  }
  return extensions.map(
    (extension) => outcomes.get(extension) ?? { ok: false, error: noRoundsLeft() },
  );
}

function keepFitting(
  element: PlacementElement,
  group: readonly Extension[],
  state: {
    readonly reservations: ReadonlyMap<FileId, ReservationRow>;
    readonly outcomes: Outcomes;
  },
): Extension[] {
  let taken = 0;
  return group.filter((extension) => {
    const current = { ...element, reservedBytes: element.reservedBytes + taken };
    const reserved = state.reservations.get(extension.fileId)?.reserved_bytes ?? 0;
    const fileBytes = reserved + extension.additionalBytes;
    const fits = hasRoomFor(current, extension.additionalBytes, fileBytes);
    if (fits) taken += extension.additionalBytes;
    else state.outcomes.set(extension, { ok: false, error: noRoom(fileBytes) });
    return fits;
  });
}

async function extendOnElement(
  database: Database,
  element: PlacementElement,
  work: { readonly fitting: readonly Extension[]; readonly outcomes: Outcomes },
): Promise<void> {
  const { fitting, outcomes } = work;
  if (fitting.length === 0) return;
  try {
    const rows = await database.query<{ file_id: FileId }>(extend, [
      ...roomValues(element),
      fitting.map(({ fileId }) => fileId),
      fitting.map(({ additionalBytes }) => additionalBytes),
    ]);
    const extended = new Set(rows.map((row) => row.file_id));
    for (const extension of fitting.filter(({ fileId }) => extended.has(fileId))) {
      outcomes.set(extension, { ok: true, value: undefined });
    }
  } catch (error) {
    if (!isRoomRefused(error)) throw error;
  }
}

function onePerFile(extensions: readonly Extension[]): Extension[] {
  return [...new Map(extensions.toReversed().map((item) => [item.fileId, item])).values()];
}

function leastFree(group: readonly Extension[]): number | null {
  const known = group.map(({ freeBytes }) => freeBytes).filter((bytes) => bytes !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function noRoom(sizeBytes: number): DomainError {
  return new DomainError(
    'INSUFFICIENT_STORAGE',
    'The storage element has no room for the rest of this file.',
    { details: { sizeBytes } },
  );
}

function notReceiving(): DomainError {
  return new DomainError('UPLOAD_NOT_CURRENT', 'The upload is not being received any more.');
}

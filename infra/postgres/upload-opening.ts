import { DomainError } from '#domain/errors.ts';
import type { Settled } from '#domain/batcher.ts';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import { chooseElement } from '#domain/placement/choose-element.ts';
import type { PlacementElement } from '#domain/placement/choose-element.ts';
import type { OpenUpload, OpenUploadOutcome } from '#domain/ports/upload-registry.ts';
import type { Database } from './open-pool.ts';
import {
  isRoomRefused,
  noRoundsLeft,
  promiseRoom,
  reservationRounds,
  roomValues,
} from './room-reservation.ts';
import { readPlacementElements } from './storage-element-rows.ts';
import { uploadColumns, uploadOfRow } from './upload-rows.ts';
import type { UploadRow } from './upload-rows.ts';
import { abandonExpired } from './upload-sweep.ts';

type Outcome = Settled<OpenUploadOutcome>;
type Outcomes = Map<OpenUpload, Outcome>;

const findByKey = {
  name: 'find-uploads-by-key',
  text: `select ${uploadColumns}, u.state = 'receiving' and u.lease_expires_at < now() as is_abandoned
    from unnest($1::uuid[], $2::text[]) as k (account_id, idempotency_key)
    join uploads u on u.account_id = k.account_id and u.idempotency_key = k.idempotency_key
    where u.idempotency_key is not null and u.state <> 'failed'`,
};

const open = {
  name: 'open-uploads',
  text: `with opened as (
      insert into uploads (file_id, account_id, element_id, state, idempotency_key,
        reserved_bytes, lease_owner, lease_expires_at)
      select file_id, account_id, $1, 'receiving', idempotency_key, bytes, lease_owner,
        now() + $6::bigint * interval '1 millisecond'
      from unnest($7::uuid[], $8::uuid[], $9::text[], $10::bigint[], $11::text[])
        as o (file_id, account_id, idempotency_key, bytes, lease_owner)
      on conflict do nothing
      returning file_id, reserved_bytes as bytes
    ), promised as (${promiseRoom('opened')})
    select file_id from opened`,
};

/**
 * Opens many uploads in rounds: most are done after the first, another one is for those who met a
 * key that somebody else took meanwhile, or room that is gone.
 */
export async function openUploads(
  database: Database,
  requests: readonly OpenUpload[],
): Promise<Outcome[]> {
  const outcomes: Outcomes = new Map();
  for (let round = 0; round < reservationRounds && outcomes.size < requests.length; round += 1) {
    const waiting = requests.filter((request) => !outcomes.has(request));
    const [counters] = await Promise.all([
      readPlacementElements(database),
      answerExisting(database, waiting, outcomes),
    ]);
    const elements = counters.map((element) => withLeastFree(element, waiting));
    const next = onePerKey(waiting.filter((request) => !outcomes.has(request)));
    for (const [element, group] of placeRequests(elements, next, outcomes)) {
      const opened = await openOnElement(database, element, group);
      const value = { kind: 'opened', elementId: element.elementId } as const;
      for (const request of group.filter(({ fileId }) => opened.has(fileId))) {
        outcomes.set(request, { ok: true, value });
      }
    }
  }
  return requests.map((request) => outcomes.get(request) ?? { ok: false, error: noRoundsLeft() });
}

/** A key that stands already answers its request, unless whoever took it is dead. */
async function answerExisting(
  database: Database,
  requests: readonly OpenUpload[],
  outcomes: Outcomes,
): Promise<void> {
  const keyed = requests.filter((request) => request.idempotencyKey !== null);
  if (keyed.length === 0) return;
  const rows = await database.query<UploadRow & { is_abandoned: boolean }>(findByKey, [
    keyed.map((request) => request.accountId),
    keyed.map((request) => request.idempotencyKey),
  ]);
  const abandoned = rows.filter((row) => row.is_abandoned).map((row) => row.file_id);
  const freed = abandoned.length === 0 ? new Set() : await abandonExpired(database, abandoned);
  const found = new Map(rows.map((row) => [keyOf(row.account_id, row.idempotency_key), row]));
  for (const request of keyed) {
    const row = found.get(keyOf(request.accountId, request.idempotencyKey));
    if (row === undefined || freed.has(row.file_id)) continue;
    // The answer to an earlier attempt of this very request was lost.
    const isOurs = row.file_id === request.fileId && row.state === 'receiving';
    outcomes.set(request, {
      ok: true,
      value: isOurs
        ? { kind: 'opened', elementId: row.element_id }
        : { kind: 'existing', upload: uploadOfRow(row) },
    });
  }
}

/** Of several requests with one key only the first may take room; the others meet it next round. */
function onePerKey(requests: readonly OpenUpload[]): OpenUpload[] {
  const seen = new Set<string>();
  return requests.filter((request) => {
    if (request.idempotencyKey === null) return true;
    const key = keyOf(request.accountId, request.idempotencyKey);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Each takes its room before the next one is placed. */
function placeRequests(
  elements: readonly PlacementElement[],
  requests: readonly OpenUpload[],
  outcomes: Outcomes,
): Map<PlacementElement, OpenUpload[]> {
  const taken = new Map<string, number>();
  const groups = new Map<PlacementElement, OpenUpload[]>();
  for (const request of requests) {
    const candidates = elements.map((element) => ({
      ...element,
      reservedBytes: element.reservedBytes + (taken.get(element.elementId) ?? 0),
    }));
    try {
      const { elementId } = chooseElement(candidates, {
        mode: request.retentionPolicy === 'permanent' ? 'rw' : 'edit',
        sizeBytes: reservedSize(request),
      });
      taken.set(elementId, (taken.get(elementId) ?? 0) + reservedSize(request));
      addTo(groups, elements, { request, elementId });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      outcomes.set(request, { ok: false, error });
    }
  }
  return groups;
}

function addTo(
  groups: Map<PlacementElement, OpenUpload[]>,
  elements: readonly PlacementElement[],
  placed: { readonly request: OpenUpload; readonly elementId: string },
): void {
  const element = elements.find((candidate) => candidate.elementId === placed.elementId);
  if (element === undefined) throw new TypeError('an element was chosen that is not there');
  const group = groups.get(element) ?? [];
  groups.set(element, group);
  group.push(placed.request);
}

/** @returns the ids that were opened; none of them when the room is gone meanwhile. */
async function openOnElement(
  database: Database,
  element: PlacementElement,
  group: readonly OpenUpload[],
): Promise<ReadonlySet<FileId>> {
  // Two processes that insert the same keys must do it in the same order.
  const sorted = group.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  try {
    const rows = await database.query<{ file_id: FileId }>(open, [
      ...roomValues(element),
      limits.uploadLeaseMs,
      sorted.map((request) => request.fileId),
      sorted.map((request) => request.accountId),
      sorted.map((request) => request.idempotencyKey),
      sorted.map(reservedSize),
      sorted.map((request) => request.leaseOwner),
    ]);
    return new Set(rows.map((row) => row.file_id));
  } catch (error) {
    if (isRoomRefused(error)) return new Set();
    throw error;
  }
}

function withLeastFree(
  element: PlacementElement,
  requests: readonly OpenUpload[],
): PlacementElement {
  const known = requests
    .map((request) => request.freeBytes.get(element.elementId))
    .filter((bytes) => bytes !== undefined);
  return { ...element, freeBytes: known.length === 0 ? null : Math.min(...known) };
}

function reservedSize(request: OpenUpload): number {
  return request.declaredSizeBytes ?? limits.reservationStepBytes;
}

function keyOf(accountId: string, idempotencyKey: string | null): string {
  return `${accountId} ${idempotencyKey}`;
}

function sortKey(request: OpenUpload): string {
  return keyOf(request.accountId, request.idempotencyKey);
}

import { invalidCursor, type CursorCodec } from '#api/files/cursor.ts';
import { DomainError } from '#domain/errors.ts';
import type { Outbox, OutboxPosition } from '#domain/ports/outbox.ts';

const scope = { list: 'events' };

/** @param position null: before the first event. */
export function sealEventCursor(
  cursors: CursorCodec,
  epoch: string,
  position: OutboxPosition | null,
): string {
  const parts = position === null ? [] : [position.transactionId, position.sequence];
  return cursors.sealPosition([epoch, ...parts], scope);
}

/** @throws CURSOR_INVALID, EVENTS_CURSOR_EXPIRED when events after it were or may be missed. */
export async function openEventCursor(
  cursor: string,
  {
    cursors,
    feed,
    epoch,
  }: { cursors: CursorCodec; feed: Pick<Outbox, 'isReachable'>; epoch: string },
): Promise<OutboxPosition | null> {
  const [ofEpoch, transactionId, sequence] = cursors.openPosition(cursor, scope);
  if (ofEpoch === undefined) throw invalidCursor();
  if (ofEpoch !== epoch) throw expired('The feed was made anew since this cursor was given out.');
  if (transactionId === undefined || sequence === undefined) return null;
  const position = { transactionId, sequence };
  if (await feed.isReachable(position)) return position;
  throw expired('Events after this cursor are no longer kept.');
}

function expired(detail: string): DomainError {
  return new DomainError('EVENTS_CURSOR_EXPIRED', `${detail} Read the files anew, then the feed.`);
}

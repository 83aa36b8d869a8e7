import type { FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { Outbox, OutboxEvent, OutboxPosition } from '#domain/ports/outbox.ts';
import type { Database } from './open-pool.ts';
import type { OutboxListener } from './outbox-listener.ts';

const countedRows = 100_000;
const beginning: OutboxPosition = { transactionId: '0', sequence: '0' };

const readEpoch = { name: 'read-feed-epoch', text: `select epoch from feed_epoch` };

/**
 * Below the oldest transaction that still runs everything has ended: no row can appear there any
 * more, so a reader that has passed it has missed none.
 */
const readAfter = {
  name: 'read-outbox',
  // With the name of its table, as a bare "sequence" would be the text of the output.
  // An event of a bulk run has many files: a page ends where they become too many.
  text: `with page as (
      select o.* from outbox o
      where (o.transaction_id, o.sequence) > ($1::xid8, $2::bigint)
        and o.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      order by o.transaction_id, o.sequence
      limit $3
    ), measured as (
      select p.*, sum(cardinality(p.file_ids)) over (order by p.transaction_id, p.sequence)
        - cardinality(p.file_ids) as files_before
      from page p
    )
    select m.transaction_id, m.sequence::text, m.type, m.subject_type, m.subject_id, m.file_ids,
      m.data, m.occurred_at
    from measured m where m.files_before < $4
    order by m.transaction_id, m.sequence`,
};

const findRow = {
  name: 'find-outbox-row',
  text: `select from outbox where transaction_id = $1::xid8 and sequence = $2::bigint`,
};

const readPosition = {
  name: 'read-outbox-position',
  text: `select transaction_id, sequence::text from outbox_positions where consumer = $1`,
};

const takePosition = {
  name: 'take-outbox-position',
  text: `insert into outbox_positions (consumer, transaction_id, sequence)
    values ($1, $2::xid8, $3::bigint)
    on conflict (consumer) do nothing
    returning consumer`,
};

const movePosition = {
  name: 'move-outbox-position',
  text: `update outbox_positions
    set transaction_id = $2::xid8, sequence = $3::bigint, updated_at = now()
    where consumer = $1 and transaction_id = $4::xid8 and sequence = $5::bigint
    returning consumer`,
};

const measureLag = {
  name: 'measure-outbox-lag',
  text: `with position as (
      select coalesce(max(transaction_id), '0'::xid8) as transaction_id,
        coalesce(max(sequence), 0) as sequence
      from outbox_positions where consumer = $1
    ), behind as (
      select o.occurred_at from outbox o, position p
      where (o.transaction_id, o.sequence) > (p.transaction_id, p.sequence)
      order by o.transaction_id, o.sequence
      limit ${countedRows}
    )
    select count(*) as rows, coalesce(greatest(0, extract(epoch from
      clock_timestamp() - (select occurred_at from behind limit 1)) * 1000), 0)::float8 as age_ms
    from behind`,
};

/**
 * Always the oldest rows without a gap, and a row only when the one after it is old enough too:
 * a reader that has read a row finds it until what it has not read was there for the whole time.
 */
const prune = {
  name: 'prune-outbox',
  text: `with oldest as (
      select transaction_id, sequence, occurred_at from outbox
      order by transaction_id, sequence
      limit $1::bigint + 1
    ), judged as (
      select transaction_id, sequence,
        max(occurred_at) over so_far_and_next as newest,
        lead(true) over in_order as has_next
      from oldest
      window in_order as (order by transaction_id, sequence),
        so_far_and_next as (order by transaction_id, sequence
          rows between unbounded preceding and 1 following)
    )
    delete from outbox o using judged j
    where o.transaction_id = j.transaction_id and o.sequence = j.sequence
      and j.has_next and j.newest < now() - $2::bigint * interval '1 day'
      and not exists (select from outbox_positions p
        where (p.transaction_id, p.sequence) < (j.transaction_id, j.sequence))
    returning o.sequence::text`,
};

interface OutboxRow {
  readonly transaction_id: string;
  readonly sequence: string;
  readonly type: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly file_ids: readonly FileId[];
  readonly data: string;
  readonly occurred_at: Instant;
}

export class PostgresOutbox implements Outbox {
  readonly #database: Database;
  readonly #listener: OutboxListener;

  constructor(database: Database, listener: OutboxListener) {
    this.#database = database;
    this.#listener = listener;
  }

  async readEpoch(): Promise<string> {
    const [row] = await this.#database.query<{ epoch: string }>(readEpoch);
    if (row === undefined) throw new Error('the feed has no epoch');
    return row.epoch;
  }

  async readAfter(position: OutboxPosition | null, limit: number): Promise<readonly OutboxEvent[]> {
    const { transactionId, sequence } = position ?? beginning;
    const rows = await this.#database.query<OutboxRow>(readAfter, [
      transactionId,
      sequence,
      limit,
      limits.outboxPageFiles,
    ]);
    return rows.map(eventOfRow);
  }

  async isReachable({ transactionId, sequence }: OutboxPosition): Promise<boolean> {
    const rows = await this.#database.query(findRow, [transactionId, sequence]);
    return rows.length > 0;
  }

  async readPosition(consumer: string): Promise<OutboxPosition | null> {
    const [row] = await this.#database.query<Pick<OutboxRow, 'transaction_id' | 'sequence'>>(
      readPosition,
      [consumer],
    );
    if (row === undefined) return null;
    return { transactionId: row.transaction_id, sequence: row.sequence };
  }

  async movePosition(
    consumer: string,
    from: OutboxPosition | null,
    to: OutboxPosition,
  ): Promise<boolean> {
    const values = [consumer, to.transactionId, to.sequence];
    const moved =
      from === null
        ? await this.#database.query(takePosition, values)
        : await this.#database.query(movePosition, [...values, from.transactionId, from.sequence]);
    return moved.length > 0;
  }

  async measureLag(consumer: string): Promise<{ readonly rows: number; readonly ageMs: number }> {
    const [row] = await this.#database.query<{ rows: number; age_ms: number }>(measureLag, [
      consumer,
    ]);
    return { rows: row?.rows ?? 0, ageMs: Math.round(row?.age_ms ?? 0) };
  }

  async waitForEvents(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#listener.waitForNotification(timeoutMs, signal);
  }

  async pruneEvents(limit: number): Promise<number> {
    const rows = await this.#database.query(prune, [limit, limits.eventsKeptDays]);
    return rows.length;
  }
}

function eventOfRow(row: OutboxRow): OutboxEvent {
  return {
    transactionId: row.transaction_id,
    sequence: row.sequence,
    type: row.type,
    subject: { type: row.subject_type, id: row.subject_id },
    fileIds: row.file_ids,
    data: JSON.parse(row.data) as JsonObject,
    occurredAt: row.occurred_at,
  };
}

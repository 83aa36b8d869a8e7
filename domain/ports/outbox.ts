import type { FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';

/** Who follows the feed, each with a position of its own. */
export const feedConsumers = ['search', 'cache'] as const;
export type FeedConsumer = (typeof feedConsumers)[number];

/** In order of (transaction, sequence): the order in which readers see rows. */
export interface OutboxPosition {
  /** `xid8` as text. */
  readonly transactionId: string;
  /** `bigint` as text. */
  readonly sequence: string;
}

export interface OutboxEvent extends OutboxPosition {
  readonly type: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly fileIds: readonly FileId[];
  readonly data: JsonObject;
  readonly occurredAt: Instant;
}

/**
 * What was committed with the rows, in an order in which no reader skips one: only rows below the
 * oldest transaction still running are given out. All methods throw `CATALOGUE_UNAVAILABLE`.
 */
export interface Outbox {
  /** Changes when a rebuild makes the feed anew; part of every cursor. */
  readEpoch(): Promise<string>;
  /** At most `limit`, and fewer once they have `limits.outboxPageFiles`; none: nothing follows. */
  readAfter(position: OutboxPosition | null, limit: number): Promise<readonly OutboxEvent[]>;
  /** False when rows after the position are gone: whoever goes on from it would miss them. */
  isReachable(position: OutboxPosition): Promise<boolean>;
  /** Null: it has read nothing yet. */
  readPosition(consumer: string): Promise<OutboxPosition | null>;
  /** Compare-and-set. @returns false when somebody else moved it. */
  movePosition(consumer: string, from: OutboxPosition | null, to: OutboxPosition): Promise<boolean>;
  /** Rows behind the consumer, counted up to 100,000, and the age of the oldest of them. */
  measureLag(consumer: string): Promise<{ readonly rows: number; readonly ageMs: number }>;
  /** Resolves when something was written after the call, after `timeoutMs`, or when aborted. */
  waitForEvents(timeoutMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Removes rows older than `limits.eventsKeptDays` that every consumer with a position has
   * passed, at most `limit` of the oldest. @returns how many.
   */
  pruneEvents(limit: number): Promise<number>;
}

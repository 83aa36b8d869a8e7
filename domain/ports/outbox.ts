import type { FileId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';

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
  readAfter(position: OutboxPosition | null, limit: number): Promise<readonly OutboxEvent[]>;
  readPosition(consumer: string): Promise<OutboxPosition | null>;
  /** Compare-and-set. @returns false when somebody else moved it. */
  movePosition(consumer: string, from: OutboxPosition | null, to: OutboxPosition): Promise<boolean>;
  /** Rows behind the consumer and the age of the oldest of them. */
  measureLag(consumer: string): Promise<{ readonly rows: number; readonly ageMs: number }>;
  /** Resolves when something was written or after `timeoutMs`. */
  waitForEvents(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '#domain/limits.ts';

/** Waits for rows by looking at them: one query for all that are waited for. */
export interface RowWatcher<Id, Row> {
  /**
   * @returns the row as soon as it is no longer awaited; null when it still is at `deadlineAt`
   *   (epoch milliseconds); `missing` when there is no such row any more.
   */
  waitFor(id: Id, deadlineAt: number): Promise<Row | 'missing' | null>;
}

interface Waiter<Id, Row> {
  readonly id: Id;
  readonly deadlineAt: number;
  readonly answer: (row: Row | 'missing' | null) => void;
}

const firstPauseMs = 50;
const longestPauseMs = 500;

export function createRowWatcher<Id, Row>(options: {
  readonly findRows: (ids: readonly Id[]) => Promise<readonly Row[]>;
  readonly idOf: (row: Row) => Id;
  readonly isAwaited: (row: Row) => boolean;
}): RowWatcher<Id, Row> {
  let waiters: Waiter<Id, Row>[] = [];
  let isWatching = false;

  async function watch(): Promise<void> {
    isWatching = true;
    let pauseMs = firstPauseMs;
    while (waiters.length > 0) {
      await look();
      if (waiters.length > 0) await sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
    }
    isWatching = false;
  }

  async function look(): Promise<void> {
    const asked = waiters;
    const found = await findAll([...new Set(asked.map(({ id }) => id))]);
    const now = Date.now();
    const open = asked.filter((waiter) => {
      const row = found?.get(waiter.id);
      if (found !== null && row === undefined) waiter.answer('missing');
      else if (row !== undefined && !options.isAwaited(row)) waiter.answer(row);
      else if (now >= waiter.deadlineAt) waiter.answer(null);
      else return true;
      return false;
    });
    // Those who came while the query ran are asked for the next time.
    waiters = [...open, ...waiters.slice(asked.length)];
  }

  /** @returns null while the catalogue does not answer: that says nothing about a row. */
  async function findAll(ids: readonly Id[]): Promise<Map<Id, Row> | null> {
    try {
      const found = new Map<Id, Row>();
      for (let start = 0; start < ids.length; start += limits.sweepBatch) {
        const some = ids.slice(start, start + limits.sweepBatch);
        for (const row of await options.findRows(some)) found.set(options.idOf(row), row);
      }
      return found;
    } catch {
      return null;
    }
  }

  return {
    waitFor(id, deadlineAt) {
      const { promise, resolve } = Promise.withResolvers<Row | 'missing' | null>();
      waiters = [...waiters, { id, deadlineAt, answer: resolve }];
      if (!isWatching) void watch();
      return promise;
    },
  };
}

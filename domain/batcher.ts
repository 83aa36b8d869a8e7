/**
 * Group commit in memory: items that arrive while a batch is under way form the next one. Nothing
 * waits when nothing is in flight, so an idle system has no added latency and a busy one pays one
 * round trip for many.
 */
export interface Batcher<Item, Result> {
  /** Resolves or rejects with this item's own outcome. */
  add(item: Item): Promise<Result>;
  /** Items that wait for the next batch, those in flight not counted. */
  readonly waiting: number;
  readonly inFlight: number;
}

export interface BatcherOptions<Item, Result> {
  readonly maxItems: number;
  /** How many batches may be under way at once. Asked whenever an item arrives or a batch ends. */
  readonly maxInFlight: (waiting: number) => number;
  /**
   * Returns one outcome per item, in the same order. When it throws, every item of the batch gets
   * that error.
   */
  readonly run: (items: readonly Item[]) => Promise<readonly Settled<Result>[]>;
}

export type Settled<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: unknown };

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (value: Result) => void;
  readonly reject: (error: unknown) => void;
}

export function createBatcher<Item, Result>(
  options: BatcherOptions<Item, Result>,
): Batcher<Item, Result> {
  const queue: Waiting<Item, Result>[] = [];
  let inFlight = 0;

  function startBatches(): void {
    while (queue.length > 0 && inFlight < options.maxInFlight(queue.length)) {
      inFlight += 1;
      void runBatch(queue.splice(0, options.maxItems));
    }
  }

  async function runBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const outcomes = await options.run(batch.map((entry) => entry.item));
      for (const [index, entry] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined)
          entry.reject(new Error('the batch has no outcome for this item'));
        else if (outcome.ok) entry.resolve(outcome.value);
        else entry.reject(outcome.error);
      }
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    } finally {
      inFlight -= 1;
      startBatches();
    }
  }

  return {
    add(item) {
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      queue.push({ item, resolve, reject });
      startBatches();
      return promise;
    },
    get waiting() {
      return queue.length;
    },
    get inFlight() {
      return inFlight;
    },
  };
}

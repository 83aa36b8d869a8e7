import { OutOfTimeError, waitAtMost } from './bounded-wait.ts';

export interface CacheBreakerOptions {
  /** Longest wait of a caller. */
  readonly timeoutMs: number;
  /** Makes everything void that was put before. Runs before the first use and after each outage. */
  readonly renew: () => Promise<void>;
  /** Cheap; asked all the time, so that an outage is noticed also by who uses nothing meanwhile. */
  readonly probe: () => Promise<void>;
  /** The connection does not answer: make another one. */
  readonly reconnect: () => void;
}

/**
 * Keeps callers away from a server that does not answer. One command that fails or is late opens
 * it; whoever comes next is sent on at once. It closes only after `renew`: during the outage
 * changes could not be told to the server, so nothing it holds from before may be believed.
 */
export interface CacheBreaker extends AsyncDisposable {
  isClosed(): boolean;
  /** @returns null when the server is not to be asked, or did not answer in time. */
  run<Result>(work: () => Promise<Result>): Promise<Result | null>;
}

const probeEveryMs = 400;
/** So long an answer to `renew` is waited for on one connection. */
const renewPatienceMs = 3_000;
const pauseMs = 250;

export function createCacheBreaker(options: CacheBreakerOptions): CacheBreaker {
  let isClosed = false;
  const closing = new AbortController();
  let opened = Promise.withResolvers<void>();

  function open(): void {
    isClosed = false;
    opened.resolve();
  }

  async function run<Result>(work: () => Promise<Result>): Promise<Result | null> {
    if (!isClosed) return null;
    try {
      return await waitAtMost(options.timeoutMs, work());
    } catch {
      open();
      return null;
    }
  }

  const watching = watch();
  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await waitAtMost(renewPatienceMs, options.renew());
        opened = Promise.withResolvers<void>();
        isClosed = !closing.signal.aborted;
        await watchClosed();
      } catch (error) {
        if (error instanceof OutOfTimeError) options.reconnect();
      }
      await pause(pauseMs);
    }
  }

  async function watchClosed(): Promise<void> {
    while (isClosed) {
      await Promise.race([opened.promise, pause(probeEveryMs)]);
      await run(options.probe);
    }
  }

  function pause(ms: number): Promise<void> {
    if (closing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        closing.signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      closing.signal.addEventListener('abort', end);
    });
  }

  return {
    isClosed: () => isClosed,
    run,
    async [Symbol.asyncDispose]() {
      closing.abort();
      open();
      options.reconnect();
      await watching;
    },
  };
}

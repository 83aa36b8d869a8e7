export interface CircuitBreakerOptions {
  /** Consecutive failures after which nobody is sent any more. */
  readonly failuresToOpen: number;
  /** While it is open the server is asked so often whether it is back. */
  readonly probeEveryMs: number;
  /** Resolves when the server answers. */
  readonly probe: () => Promise<unknown>;
}

/**
 * Keeps callers away from a server that does not answer: the first few wait for their time-out,
 * the others are refused at once. Whether the server is back is asked in the background, so that
 * no caller has to try.
 */
export interface CircuitBreaker extends Disposable {
  isClosed(): boolean;
  reportSuccess(): void;
  reportFailure(): void;
}

export function createCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { failuresToOpen, probeEveryMs, probe } = options;
  let failures = 0;
  let isDisposed = false;
  let timer: NodeJS.Timeout | null = null;

  function close(): void {
    failures = 0;
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }

  function scheduleProbe(): void {
    if (isDisposed) return;
    timer = setTimeout(() => {
      void tryProbe();
    }, probeEveryMs);
    timer.unref();
  }

  async function tryProbe(): Promise<void> {
    try {
      await probe();
      close();
    } catch {
      scheduleProbe();
    }
  }

  return {
    isClosed: () => failures < failuresToOpen,
    reportSuccess() {
      // What was under way when it opened says nothing about now.
      if (failures < failuresToOpen) failures = 0;
    },
    reportFailure() {
      failures += 1;
      if (failures === failuresToOpen) scheduleProbe();
    },
    [Symbol.dispose]() {
      isDisposed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

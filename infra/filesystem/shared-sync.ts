interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One fsync for all who ask while the one before is under way: every caller waits for one that
 * started after it asked. A failed one also fails those who wait for the next: the kernel reports
 * lost writes once, so the next call would tell them that all is well.
 */
export function createSharedSync(sync: () => Promise<void>): () => Promise<void> {
  let waiting: Waiter[] = [];
  let isRunning = false;

  async function runAll(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) {
      const served = waiting;
      waiting = [];
      try {
        await sync();
        for (const waiter of served) waiter.resolve();
      } catch (error) {
        const failed = [...served, ...waiting];
        waiting = [];
        for (const waiter of failed) waiter.reject(error);
      }
    }
    isRunning = false;
  }

  return () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ resolve, reject });
    if (!isRunning) void runAll();
    return promise;
  };
}

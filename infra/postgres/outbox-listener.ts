import { createNotificationConnection } from './notification-connection.ts';

/** Hears of commits that wrote to the outbox, on a connection of its own. */
export interface OutboxListener extends AsyncDisposable {
  /** Resolves with the next notification, after `timeoutMs`, or when aborted. */
  waitForNotification(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

/**
 * Connects when somebody waits for the first time. Notifications only save waiting time: whoever
 * waits looks again after its time-out anyway.
 */
export function createOutboxListener(options: {
  readonly url: string;
  readonly applicationName: string;
}): OutboxListener {
  const waiting = new Set<() => void>();
  let isClosed = false;
  const connection = createNotificationConnection({
    ...options,
    channel: 'artstore_outbox',
    // Also when the connection stands again: something may have been written while it did not.
    onNotification: wakeAll,
  });

  function wakeAll(): void {
    for (const wake of waiting) wake();
    waiting.clear();
  }

  return {
    async waitForNotification(timeoutMs, signal) {
      if (signal.aborted || isClosed) return;
      connection.start();
      const { promise: woken, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      const timer = setTimeout(wake, timeoutMs);
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      await woken;
      clearTimeout(timer);
      waiting.delete(wake);
      signal.removeEventListener('abort', wake);
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      wakeAll();
      await connection[Symbol.asyncDispose]();
    },
  };
}

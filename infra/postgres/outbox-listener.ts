import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const channel = 'artstore_outbox';
const reconnectMs = 500;
const connectMs = 5_000;
/** A server that is gone without a word shows only when it is asked. */
const heartbeatMs = 10_000;

/** Hears of commits that wrote to the outbox, on a connection of its own. */
export interface OutboxListener extends AsyncDisposable {
  /** Resolves with the next notification, after `timeoutMs`, or when aborted. */
  waitForNotification(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

/**
 * Connects when somebody waits for the first time, and again whenever the connection is lost.
 * Notifications only save waiting time: whoever waits looks again after its time-out anyway.
 */
export function createOutboxListener(options: {
  readonly url: string;
  readonly applicationName: string;
}): OutboxListener {
  const waiting = new Set<() => void>();
  const closing = new AbortController();
  let listening: Promise<void> | null = null;

  function wakeAll(): void {
    for (const wake of waiting) wake();
    waiting.clear();
  }

  async function keepListening(): Promise<void> {
    while (!closing.signal.aborted) {
      await listenOnce(options, wakeAll, closing.signal);
      await sleep(reconnectMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    async waitForNotification(timeoutMs, signal) {
      if (signal.aborted || closing.signal.aborted) return;
      listening ??= keepListening();
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
      closing.abort();
      wakeAll();
      await listening;
    },
  };
}

/** Resolves when the connection is lost or cannot be made, or when it is to end. */
async function listenOnce(
  options: { readonly url: string; readonly applicationName: string },
  onNotification: () => void,
  signal: AbortSignal,
): Promise<void> {
  const client = new Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectMs,
    query_timeout: connectMs,
    keepAlive: true,
  });
  const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
  client.on('error', () => lose());
  client.on('end', () => lose());
  client.on('notification', onNotification);
  signal.addEventListener('abort', () => lose(), { once: true });
  try {
    await client.connect();
    await client.query(`listen ${channel}`);
    // What was written while nobody listened.
    onNotification();
    const beat = setInterval(() => {
      client.query('select').catch(lose);
    }, heartbeatMs);
    if (signal.aborted) lose();
    await lost;
    clearInterval(beat);
  } catch {
    // Whatever it was: the next attempt tells whether it lasts.
  } finally {
    await client.end().catch(() => undefined);
  }
}

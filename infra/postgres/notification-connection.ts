import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const reconnectMs = 500;
const connectMs = 5_000;
/** A server that is gone without a word shows only when it is asked. */
const heartbeatMs = 10_000;

export interface NotificationOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly channel: string;
  /** Null: the connection stands (again), and what was said meanwhile is lost. */
  readonly onNotification: (payload: string | null) => void;
}

/** A connection of its own that listens to one channel. */
export interface NotificationConnection extends AsyncDisposable {
  /** Connects, if it has not yet, and again whenever the connection is lost. */
  start(): void;
}

export function createNotificationConnection(options: NotificationOptions): NotificationConnection {
  const closing = new AbortController();
  let listening: Promise<void> | null = null;

  async function keepListening(): Promise<void> {
    while (!closing.signal.aborted) {
      await listenOnce(options, closing.signal);
      await sleep(reconnectMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      if (!closing.signal.aborted) listening ??= keepListening();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await listening;
    },
  };
}

/** Resolves when the connection is lost or cannot be made, or when it is to end. */
async function listenOnce(options: NotificationOptions, signal: AbortSignal): Promise<void> {
  const { channel, onNotification } = options;
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
  client.on('notification', ({ payload }) => onNotification(payload ?? ''));
  signal.addEventListener('abort', () => lose(), { once: true });
  try {
    await client.connect();
    await client.query(`listen ${channel}`);
    onNotification(null);
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

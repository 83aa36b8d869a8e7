import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { QueryConfig } from 'pg';
import { DomainError } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import type { ElementLock } from '#domain/ports/element-lock.ts';

export interface ElementLockOptions {
  /** Ends the waiting: the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told about every attempt that failed for another reason than a holder that is alive. */
  readonly onRetry?: (error: unknown) => void;
}

/** A holder that vanished from the network frees the lock after about 25 s, here and there. */
const heartbeat = { everyMs: 5_000, answerMs: 10_000 } as const;
const sessionOptions = [
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3',
  // A server process that waits for a lock does not listen: let it look whether we are there.
  '-c client_connection_check_interval=1000',
].join(' ');
const reconnectMs = 1_000;

// `query_timeout` is an option of the driver that its types do not know.
const beatQuery: QueryConfig & { readonly query_timeout: number } = {
  text: 'select',
  query_timeout: heartbeat.answerMs,
};

/**
 * The right to write to an element, as a session advisory lock: it lives as long as its connection
 * and no longer than the process. Waits until it gets it, also through restarts of PostgreSQL.
 */
export async function openElementLock(
  url: string,
  elementId: ElementId,
  options: ElementLockOptions = {},
): Promise<ElementLock> {
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      return await acquire(url, elementId, options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      options.onRetry?.(error);
      await delay(reconnectMs, undefined, options.signal === undefined ? {} : options);
    }
  }
}

async function acquire(
  url: string,
  elementId: ElementId,
  signal: AbortSignal | undefined,
): Promise<ElementLock> {
  const client = new Client({
    connectionString: url,
    application_name: `artstore-lock ${elementId}`,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    options: sessionOptions,
  });
  const ended = new AbortController();
  client.on('error', (cause) => ended.abort(cause));
  client.on('end', () => ended.abort(new Error('the connection ended')));
  const stopWaiting = (): void => void client.end();
  signal?.addEventListener('abort', stopWaiting);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [lockName(elementId)]);
    ended.signal.throwIfAborted();
    signal?.throwIfAborted();
  } catch (error) {
    await client.end();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stopWaiting);
  }
  return holdLock(client, elementId, ended.signal);
}

function holdLock(client: Client, elementId: ElementId, ended: AbortSignal): ElementLock {
  const lost = new AbortController();
  let isDisposed = false;
  const lose = (cause: unknown): void => {
    clearInterval(beat);
    if (isDisposed || lost.signal.aborted) return;
    lost.abort(
      new DomainError('ELEMENT_UNAVAILABLE', 'The right to write to the element was lost.', {
        cause,
      }),
    );
    void client.end();
  };
  // A server that is gone without a word shows only when it is asked.
  const beat = setInterval(() => {
    client.query(beatQuery).catch(lose);
  }, heartbeat.everyMs);
  if (ended.aborted) lose(ended.reason);
  else ended.addEventListener('abort', () => lose(ended.reason), { once: true });
  return {
    elementId,
    lost: lost.signal,
    isHeld: () => !isDisposed && !lost.signal.aborted,
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      clearInterval(beat);
      await client.end();
    },
  };
}

function lockName(elementId: ElementId): string {
  return `artstore/element/${elementId}`;
}

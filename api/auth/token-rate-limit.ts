import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

const windowMs = 60_000;
/** Strangers can make up client ids: the counters of a window are bounded. */
const maxCounters = 50_000;

export interface TokenRateLimit {
  /** Counts one request. @throws RATE_LIMITED */
  countRequest(address: string, clientId: string | undefined): void;
}

/**
 * A fixed window per client id and per address, in the memory of one process. A full table
 * refuses nobody: it only stops counting newcomers until the window ends.
 */
export function createTokenRateLimit(now: () => number): TokenRateLimit {
  let counters = new Map<string, number>();
  let endsAtMs = 0;

  function count(key: string): void {
    const counted = (counters.get(key) ?? 0) + 1;
    if (counted > limits.tokenRequestsPerMinute) {
      throw new DomainError('RATE_LIMITED', 'Too many token requests in this minute.', {
        details: { retryAfterSeconds: Math.max(1, Math.ceil((endsAtMs - now()) / 1000)) },
      });
    }
    if (counters.has(key) || counters.size < maxCounters) counters.set(key, counted);
  }

  return {
    countRequest(address, clientId) {
      if (now() >= endsAtMs) {
        counters = new Map();
        endsAtMs = now() + windowMs;
      }
      count(`address ${address}`);
      if (clientId !== undefined) count(`client ${clientId}`);
    },
  };
}

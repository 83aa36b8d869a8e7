import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError, ProblemError, type CliError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { interruptedError } from './interruption.ts';

export interface RetryOptions {
  readonly retries: number;
  readonly signal: AbortSignal;
  /** Before a request is repeated. */
  readonly onRetry: (message: string) => void;
}

/** @param isRepeatable it may be done twice: also after an answer that got lost */
export async function repeating<Result>(
  options: RetryOptions,
  isRepeatable: boolean,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const waitMs = delayBefore(error, { tries, isRepeatable });
      if (tries >= options.retries || waitMs === null) throw asFinal(error, isRepeatable);
      const reason = error instanceof Error ? error.message : '';
      options.onRetry(`${reason} Trying again in ${(waitMs / 1000).toFixed(1)} s.`);
      await pause(waitMs, options.signal);
    }
  }
}

/** Of what may have been done, and must not be done twice, the user has to know that. */
function asFinal(error: unknown, isRepeatable: boolean): unknown {
  if (!(error instanceof ConnectionError) || !error.wasSent || isRepeatable) return error;
  const message = `${error.message} Whether the server has done it is not known.`;
  return new ConnectionError(message, { wasSent: true, cause: error });
}

interface Attempt {
  readonly tries: number;
  readonly isRepeatable: boolean;
}

/** @returns null when it must not be tried again */
function delayBefore(error: unknown, { tries, isRepeatable }: Attempt): number | null {
  const fullMs = Math.min(clientLimits.retryDelayMs * 2 ** tries, clientLimits.retryDelayMaxMs);
  // Many clients that lost the same server must not come back at the same instant.
  const ownMs = Math.round(fullMs * (0.5 + Math.random() / 2));
  if (error instanceof ConnectionError) return error.wasSent && !isRepeatable ? null : ownMs;
  if (!(error instanceof ProblemError)) return null;
  const isUndone = error.status === 429 || error.status === 503;
  if (!isUndone && !(error.status === 502 && isRepeatable)) return null;
  const askedMs = error.retryAfterMs ?? 0;
  return askedMs > clientLimits.retryAfterMaxMs ? null : Math.max(askedMs, ownMs);
}

/** @throws CliError when the command is interrupted */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(durationMs, undefined, { signal });
  } catch (error) {
    if (signal.aborted) throw interruptedError(signal);
    throw error;
  }
}

export function isUnavailable(error: unknown): error is CliError {
  return (
    error instanceof ConnectionError ||
    (error instanceof ProblemError && [429, 502, 503, 504].includes(error.status))
  );
}

import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 25;

/**
 * Asks until the answer is true; an error counts as no.
 * @throws TimeoutError (from the signal) when `signal` ends the wait.
 */
export async function waitFor(
  condition: () => Promise<boolean> | boolean,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await holds(condition)) return;
    await delay(pollMs, undefined, { signal });
  }
}

async function holds(condition: () => Promise<boolean> | boolean): Promise<boolean> {
  try {
    return await condition();
  } catch {
    return false;
  }
}

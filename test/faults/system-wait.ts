import { setTimeout as delay } from 'node:timers/promises';

const pauseMs = 50;
const patienceMs = 150_000;

/** Waits for a condition; a fault of the question counts as no. The bound is generous: it never passes by time. */
export async function waitUntil<Value>(
  what: string,
  find: () => Promise<Value | null | false> | Value | null | false,
): Promise<Value> {
  const givenUpAt = Date.now() + patienceMs;
  let fault: unknown;
  for (;;) {
    try {
      const value = await find();
      if (value !== null && value !== false) return value;
      fault = undefined;
    } catch (error) {
      fault = error;
    }
    if (Date.now() > givenUpAt) {
      throw new Error(`it did not come to this: ${what}`, { cause: fault });
    }
    await delay(pauseMs);
  }
}

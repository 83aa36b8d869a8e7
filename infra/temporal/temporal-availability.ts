import { setTimeout as sleep } from 'node:timers/promises';
import type { TemporalConnection } from './temporal-connection.ts';

/** Whether it is worth to accept work that needs Temporal, without asking each time. */
export interface TemporalAvailability extends AsyncDisposable {
  isAvailable(): boolean;
  /** What a real call has just shown. Bad news is looked into at once. */
  report(isAnswering: boolean): void;
}

const probeTimeoutMs = 1_000;
const calmIntervalMs = 1_000;
const urgentIntervalMs = 200;

/** Starts to probe in the background and waits for the first answer. Never rejects. */
export async function openTemporalAvailability(
  connection: TemporalConnection,
): Promise<TemporalAvailability> {
  const stopping = new AbortController();
  let isAnswering = await probe();
  let wake = new AbortController();
  const probing = probeUntilStopped();

  async function probe(): Promise<boolean> {
    try {
      await connection.checkHealth(probeTimeoutMs, stopping.signal);
      return true;
    } catch {
      return false;
    }
  }

  async function probeUntilStopped(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(isAnswering ? calmIntervalMs : urgentIntervalMs);
      if (!stopping.signal.aborted) isAnswering = await probe();
    }
  }

  async function pause(durationMs: number): Promise<void> {
    wake = new AbortController();
    const signal = AbortSignal.any([wake.signal, stopping.signal]);
    await sleep(durationMs, undefined, { signal, ref: false }).catch(() => undefined);
  }

  return {
    isAvailable: () => isAnswering,
    report(isAnsweringNow) {
      const isNews = isAnswering && !isAnsweringNow;
      isAnswering = isAnsweringNow;
      if (isNews) wake.abort();
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await probing;
    },
  };
}

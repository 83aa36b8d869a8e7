import { setTimeout as delay } from 'node:timers/promises';
import type { ProductClient } from './product-client.ts';

const drainPollMs = 100;
const drainLimitMs = 900_000;

export interface SearchStatus {
  readonly catalogue_files: number;
  readonly index_documents: number | null;
  readonly lag: { readonly events: number; readonly age_ms: number };
}

/** Waits until no event is behind. @returns how long it took, in ms. */
export async function untilDrained(client: ProductClient, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < drainLimitMs) {
    const { lag } = await client.call<SearchStatus>('GET', '/search/status');
    if (lag.events === 0) return performance.now() - startedAt;
    await delay(drainPollMs, undefined, { signal });
  }
  throw new Error(`the search index was still behind after ${drainLimitMs} ms`);
}

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './benchmarks.ts';
import { fillCatalogue } from './catalogue-rows.ts';
import { summariseLatencies } from './latencies.ts';
import { loopPlan, loopSide } from './loop-plan.ts';
import { openProductClient, type ProductClient } from './product-client.ts';
import { untilDrained, type SearchStatus } from './search-lag.ts';
import { uploadRequest } from './stored-paths.ts';
import { takeTurns, type Trial, type Turn } from './trial.ts';

const suggestionsPerSecond = 20;
const freshPollMs = 20;
/** So that the one does not help the other: a batch of the index is over by then. */
const betweenUploadsMs = 500;
/** A p99 of fewer is only their maximum. */
const freshUploadsMin = 30;
const freshLimitMs = 60_000;
/** A minute, when a turn has ten seconds. */
const lagTurns = 6;
const uploadBytes = 4096;

/** What a person types, letter by letter, of names that are there. */
const typed = ['Договор ДО-12', 'Протокол ДО-77', 'поставки'].flatMap((name) =>
  Array.from({ length: name.length - 1 }, (_, index) => name.slice(0, index + 2)),
);

async function measureSuggestions(bench: Bench): Promise<readonly Turn[]> {
  const { settings, product, load } = bench;
  const client = await openProductClient(bench);
  await fillCatalogue(product.postgresUrl, settings.suggestDocuments);
  const { elapsedMs } = await client.run('/search/reindex');
  const fillSeconds = elapsedMs / 1000;
  console.log(`the search index was filled in ${fillSeconds.toFixed(1)} s`);
  const paths = typed.map((q) => `/files/suggest?${new URLSearchParams({ q }).toString()}`);
  const request = { kind: 'read', paths: paths.map((path) => `/api/v1${path}`) } as const;
  const options = { perSecond: suggestionsPerSecond };
  const side = loopSide(settings, product, { options, request });
  return takeTurns(bench, async () => {
    await requireIndex(client, settings.suggestDocuments);
    const report = await load.run(await side.plan(), 'loop');
    // Without the index the catalogue answers: that would be another figure.
    await requireIndex(client, settings.suggestDocuments);
    if (Object.keys(report.failures).length > 0) throw new Error(JSON.stringify(report.failures));
    const { p50Ms, p99Ms } = report.latency;
    return { product: { p50_ms: p50Ms, p99_ms: p99Ms, fill_seconds: fillSeconds } };
  });
}

async function requireIndex(client: ProductClient, documents: number): Promise<void> {
  const { engine } = await client.call<{ engine: string }>('GET', '/files/suggest?q=ДО-1');
  const status = await client.call<SearchStatus>('GET', '/search/status');
  if (engine === 'meilisearch' && (status.index_documents ?? 0) >= documents) return;
  throw new Error(`${engine} answers, with ${status.index_documents} documents in the index`);
}

async function measureFreshness(bench: Bench): Promise<readonly Turn[]> {
  const client = await openProductClient(bench);
  await untilDrained(client, bench.signal);
  return takeTurns(bench, async () => {
    const endsAt = performance.now() + bench.settings.durationMs;
    const timesMs: number[] = [];
    while (timesMs.length < freshUploadsMin || performance.now() < endsAt) {
      timesMs.push(await timeUntilFound(bench, client));
      await delay(betweenUploadsMs, undefined, { signal: bench.signal });
    }
    const { p50Ms, p99Ms } = summariseLatencies(timesMs);
    return { product: { p50_ms: p50Ms, p99_ms: p99Ms } };
  });
}

async function timeUntilFound(bench: Bench, client: ProductClient): Promise<number> {
  const word = `w${randomBytes(8).toString('hex')}`;
  const { file_id: fileId } = await client.call<{ file_id: string }>(
    'POST',
    `/files?filename=${word}.json`,
    {},
  );
  const storedAt = performance.now();
  const search = { query: word, engine: 'meilisearch', limit: 1 };
  while (performance.now() - storedAt < freshLimitMs) {
    const { items } = await client.call<{ items: readonly { file: { file_id: string } }[] }>(
      'POST',
      '/files/search',
      search,
    );
    if (items[0]?.file.file_id === fileId) return performance.now() - storedAt;
    await delay(freshPollMs, undefined, { signal: bench.signal });
  }
  throw new Error(`a document was not found by the index within ${freshLimitMs} ms`);
}

async function measureLag(bench: Bench): Promise<readonly Turn[]> {
  const { product, load } = bench;
  const client = await openProductClient(bench);
  const options = { connections: 64 };
  const settings = { ...bench.settings, durationMs: bench.settings.durationMs * lagTurns };
  return takeTurns(bench, async () => {
    await untilDrained(client, bench.signal);
    const request = await uploadRequest(product, uploadBytes);
    const report = await load.run(loopPlan(settings, product.origin, { options, request }), 'loop');
    if (Object.keys(report.failures).length > 0) throw new Error(JSON.stringify(report.failures));
    const { lag } = await client.call<SearchStatus>('GET', '/search/status');
    const drainSeconds = (await untilDrained(client, bench.signal)) / 1000;
    const { perSecond } = report;
    return {
      product: { per_second: perSecond, lag_events: lag.events, drain_seconds: drainSeconds },
    };
  });
}

export const indexTrials: readonly Trial[] = [
  {
    name: 'fresh',
    title: 'from the 201 until a search by the index finds the document, at rest',
    goals: [{ figure: 'p99_ms', comparison: 'at most', wanted: 1000 }],
    measure: measureFreshness,
  },
  {
    name: 'index-lag',
    title:
      'events behind after uploads at full speed (64 connections, six turns long), and their end',
    goals: [{ figure: 'drain_seconds', comparison: 'at most', wanted: 60 }],
    measure: measureLag,
  },
  {
    name: 'suggest',
    title: `suggestions from an index of 1,000,000 documents, open loop, ${suggestionsPerSecond}/s`,
    goals: [{ figure: 'p99_ms', comparison: 'at most', wanted: 30 }],
    measure: measureSuggestions,
  },
];

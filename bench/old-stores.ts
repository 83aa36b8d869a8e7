import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { elementTaskQueue } from '#workflows/messages.ts';
import type { ElementId } from '#domain/ids.ts';
import type { Bench } from './benchmarks.ts';
import type { EndedOperation, ProductClient } from './product-client.ts';
import { writeV1Tree } from './v1-tree.ts';
import { isServed } from './workflow-histories.ts';

/** An old store that was registered to be taken over, and its like for the bare loops. */
export interface OldStore {
  readonly elementId: string;
  readonly bareDirectory: string;
  /** Makes its rows. The first call tells how long it took; once is enough. */
  adopt(): Promise<EndedOperation>;
}

const servedPollMs = 200;
const servedLimitMs = 120_000;

/** The stores of one run: each turn has one of its own, which its benchmarks use one after another. */
const storesOfRuns = new WeakMap<Bench, Map<string, Promise<OldStore>>>();

export function openOldStore(
  bench: Bench,
  client: ProductClient,
  store: { readonly elementId: string; readonly files: number },
): Promise<OldStore> {
  const stores = storesOfRuns.get(bench) ?? new Map<string, Promise<OldStore>>();
  storesOfRuns.set(bench, stores);
  const opened = stores.get(store.elementId) ?? makeOldStore(bench, client, store);
  stores.set(store.elementId, opened);
  return opened;
}

async function makeOldStore(
  bench: Bench,
  client: ProductClient,
  { elementId, files }: { readonly elementId: string; readonly files: number },
): Promise<OldStore> {
  console.log(`writing an old store of ${files} files, twice`);
  const directory = join(bench.directory, 'old-stores');
  await mkdir(directory, { recursive: true });
  const path = join(directory, elementId);
  const bareDirectory = join(directory, `${elementId}-bare`);
  await writeV1Tree(path, files, elementId);
  await writeV1Tree(bareDirectory, files, elementId);
  await client.call('POST', '/storage-elements', {
    element_id: elementId,
    name: elementId,
    type: 'filesystem',
    mode: 'edit',
    location: { path },
    adopt: true,
    // Last of all: uploads of other benchmarks go elsewhere.
    priority: 1_000,
  });
  const limitAt = Date.now() + servedLimitMs;
  while (!(await isServed(bench.product, elementTaskQueue(elementId as ElementId)))) {
    if (Date.now() > limitAt) throw new Error(`no worker serves ${elementId}`);
    await delay(servedPollMs, undefined, { signal: bench.signal });
  }
  let adopting: Promise<EndedOperation> | null = null;
  return {
    elementId,
    bareDirectory,
    adopt: () => (adopting ??= client.run(`/storage-elements/${elementId}/rebuild`)),
  };
}

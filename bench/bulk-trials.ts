import { workflowTypes } from '#workflows/messages.ts';
import { measureAttributes } from './attribute-costs.ts';
import { runBareBulk } from './bare-bulk-process.ts';
import type { BulkOrder } from './bare-bulk.ts';
import type { Bench, Goal } from './benchmarks.ts';
import { loopSide } from './loop-plan.ts';
import { openOldStore, type OldStore } from './old-stores.ts';
import { readMemory, resetPeakMemory } from './process-usage.ts';
import { openProductClient, type EndedOperation, type ProductClient } from './product-client.ts';
import { untilDrained } from './search-lag.ts';
import { storePaths } from './stored-paths.ts';
import { takeTurns, type Trial, type Turn } from './trial.ts';
import { findLongestHistory } from './workflow-histories.ts';

const historyEventsMax = 10_000;
const throttledFilesPerSecond = 200;
const readsPerSecond = 100;
/** Of the time that is measured: the run must not end before. */
const throttledSpare = 2;

interface BulkRun {
  readonly bare: BulkOrder['kind'];
  readonly workflows: readonly string[];
  readonly run: (store: OldStore, client: ProductClient) => Promise<EndedOperation>;
}

/** The bare loop first, then the product, on trees of the same files. */
function measureBulk({ bare: kind, workflows, run }: BulkRun): Trial['measure'] {
  return async (bench) => {
    const { settings, product } = bench;
    const client = await openProductClient(bench);
    return takeTurns(bench, async (index) => {
      const files = settings.bulkFiles;
      const store = await openOldStore(bench, client, { elementId: `old-${index + 1}`, files });
      if (workflows[0] !== workflowTypes.rebuildCatalogue) await store.adopt();
      const bare = await runBareBulk({ kind, directory: store.bareDirectory });
      if (bare.files !== files) throw new Error(`the bare loop met ${bare.files} files`);
      // What was taken over before is being indexed on the same cores.
      await untilDrained(client, bench.signal);

      const since = new Date();
      const { worker = 0 } = await product.processes();
      await resetPeakMemory(worker);
      const before = await readMemory(worker);
      const { elapsedMs, done } = await run(store, client);
      if (done !== files) throw new Error(`of ${files} files ${done} were done`);
      const after = await readMemory(worker);
      return {
        product: {
          files_per_second: files / (elapsedMs / 1000),
          ratio: bare.elapsedMs / elapsedMs,
          worker_peak_mib: after.peakMib,
          worker_growth_mib: Math.max(0, after.peakMib - before.residentMib),
          history_events: await findLongestHistory(product, workflows, since),
        },
        bare: { files_per_second: files / (bare.elapsedMs / 1000) },
      };
    });
  };
}

/** A migration of these files; anything but all of them done is no figure. */
async function migrate(store: OldStore, client: ProductClient): Promise<EndedOperation> {
  return client.run('/migrations', migrationOf(store));
}

function migrationOf({ elementId }: OldStore): object {
  return {
    source_version: '1.0',
    target_version: '2.0',
    selection: { element_id: elementId },
  };
}

/** The same reads before and during a migration whose rate is bounded. */
async function measureThrottled(bench: Bench): Promise<readonly Turn[]> {
  const { settings, product, load } = bench;
  const client = await openProductClient(bench);
  const paths = await storePaths(bench, product);
  const seconds = (settings.warmUpMs + settings.durationMs) / 1000;
  const files = Math.ceil(throttledFilesPerSecond * seconds * throttledSpare) * settings.pairs;
  const store = await openOldStore(bench, client, { elementId: 'old-throttled', files });
  await store.adopt();
  const options = { perSecond: readsPerSecond };
  const side = loopSide(settings, product, { options, request: { kind: 'read', paths } });
  const read = async () => {
    const report = await load.run(await side.plan(), 'loop');
    if (Object.keys(report.failures).length > 0) throw new Error(JSON.stringify(report.failures));
    return report.latency;
  };
  return takeTurns(bench, async () => {
    await untilDrained(client, bench.signal);
    const idle = await read();
    const { operation_id: id } = await client.call<{ operation_id: string }>(
      'POST',
      '/migrations',
      { ...migrationOf(store), files_per_second: throttledFilesPerSecond },
    );
    const busy = await read();
    const { state } = await client.call<{ state: string }>('GET', `/operations/${id}`);
    if (state !== 'running') throw new Error(`the migration was ${state} while it was measured`);
    await client.end(id);
    return {
      product: {
        p50_ms: busy.p50Ms,
        p99_ms: busy.p99Ms,
        latency_ratio: busy.p99Ms / idle.p99Ms,
      },
      idle: { p50_ms: idle.p50Ms, p99_ms: idle.p99Ms },
    };
  });
}

async function measureInMemory(bench: Bench): Promise<readonly Turn[]> {
  return takeTurns(bench, async () => {
    const { p50Us, p99Us } = measureAttributes('v1.0: parse, validate, migrate, encode');
    return Promise.resolve({ product: { p50_ms: p50Us / 1000, p99_ms: p99Us / 1000 } });
  });
}

const bulkGoals = (filesPerSecond: number): readonly Goal[] => [
  { figure: 'files_per_second', comparison: 'at least', wanted: filesPerSecond },
  { figure: 'history_events', comparison: 'at most', wanted: historyEventsMax },
];

/** In this order: what is taken over first is compared and migrated then. */
export const bulkTrials: readonly Trial[] = [
  {
    name: 'rebuild',
    title: 'taking over an old store: rows from its sidecars, beside reading them',
    goals: bulkGoals(2000),
    measure: measureBulk({
      bare: 'read',
      workflows: [workflowTypes.rebuildCatalogue],
      run: (store) => store.adopt(),
    }),
  },
  {
    name: 'reconcile',
    title: 'comparing an element with the catalogue, beside reading its sidecars',
    goals: bulkGoals(5000),
    measure: measureBulk({
      bare: 'read',
      workflows: [workflowTypes.reconcileElement],
      run: ({ elementId }, client) =>
        client.run(`/storage-elements/${elementId}/reconcile`, { apply: false }),
    }),
  },
  {
    name: 'migrate',
    title: 'migrating sidecars from 1.0 to 2.0, beside writing them durably',
    goals: bulkGoals(2000),
    measure: measureBulk({
      bare: 'write',
      workflows: [workflowTypes.migrateAttributes, workflowTypes.migrateShard],
      run: migrate,
    }),
  },
  {
    name: 'migrate-throttled',
    title: `reads, open loop, ${readsPerSecond}/s, during a migration of ${throttledFilesPerSecond} files/s and without it`,
    goals: [{ figure: 'latency_ratio', comparison: 'at most', wanted: 2 }],
    measure: measureThrottled,
  },
  {
    name: 'migrate-in-memory',
    title: 'one sidecar from 1.0 to 2.0 in memory: parse, validate, migrate, encode',
    goals: [{ figure: 'p99_ms', comparison: 'at most', wanted: 0.1 }],
    measure: measureInMemory,
  },
];

/**
 * A worker that fills search indexes in a process of its own, to be killed: it stops for good
 * before the third batch, and says so.
 */
import { readFile } from 'node:fs/promises';
import { NativeConnection } from '@temporalio/worker';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { installQuietRuntime } from '#test/support/element-harness.ts';
import { startReindexWorker, type ReindexPlace } from '#test/support/reindex-harness.ts';
import { testStack } from '#test/support/test-stack.ts';

export interface ReindexProcessOrder {
  readonly place: ReindexPlace;
  readonly bundlePath: string;
}

const { place, bundlePath } = JSON.parse(process.argv[2] ?? '') as ReindexProcessOrder;
installQuietRuntime();
let batches = 0;
const upsert = MeilisearchSearchIndex.prototype.upsertDocuments;
MeilisearchSearchIndex.prototype.upsertDocuments = async function stopAtTheThird(...args) {
  batches += 1;
  if (batches < 3) return upsert.apply(this, args);
  process.send?.('reached');
  return new Promise(() => {});
};
const database = openPool({
  url: place.databaseUrl,
  applicationName: 'artstore-test-reindex',
  poolSize: 4,
});
await startReindexWorker({
  place,
  database,
  connection: await NativeConnection.connect({ address: testStack().temporalAddress }),
  workflowBundle: { code: await readFile(bundlePath, 'utf8'), sourceMap: '' },
  pace: { batchFiles: 1 },
});

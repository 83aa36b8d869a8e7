/** What a rebuild says of many files at once, and those who listen. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import {
  createCacheTarget,
  createSearchTarget,
  type FeedTarget,
} from '#activities/feed-targets.ts';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { OutboxPosition } from '#domain/ports/outbox.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { PostgresFileSearch } from '#infra/postgres/postgres-file-search.ts';
import { openRedisFileCache } from '#infra/redis/redis-file-cache.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { openFollowerHarness } from '#test/support/follower-harness.ts';
import { codec, openRebuildHarness, putFile } from '#test/support/rebuild-harness.ts';
import { newFileId } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal?.[Symbol.asyncDispose]());

test('all that a rebuild takes reaches the search index and leaves the cache', async (t) => {
  const { meilisearchUrl: url, meilisearchKey: key, redisUrl } = testStack();
  await using follower = await openFollowerHarness(temporal);
  await using harness = await openRebuildHarness(temporal, follower.catalogue);
  const element = await harness.addElement('rw');
  const count = 1_100;
  const fileIds: FileId[] = [];
  for (let start = 0; start < count; start += 100) {
    const files = await Promise.all(
      Array.from({ length: 100 }, () => putFile(element, { description: 'накладная' })),
    );
    fileIds.push(...files.map(({ fileId }) => fileId));
  }
  const indexName = `test-${randomUUID()}`;
  using index = new MeilisearchSearchIndex({ url, key, indexName });
  await using cache = openRedisFileCache(redisUrl, { applicationName: 'artstore-test' });
  await until('the cache is used', () => cache.isAvailable());
  const search = createSearchTarget({
    search: new PostgresFileSearch(follower.database),
    index,
    codec,
    onUnreadable: (fileId) => t.fail(fileId),
  });
  const caches = createCacheTarget(cache);
  const told: FileId[] = [];
  const target: FeedTarget = {
    prepare: () => search.prepare(),
    async applyFiles(files) {
      await search.applyFiles(files);
      await caches.applyFiles(files);
      told.push(...files);
    },
  };
  await using worker = await harness.startWorker(element);
  await using following = await follower.startWorker({ target });
  await harness.runRebuild(element);
  await follower.startFollower();
  await until('the follower has seen all', async () => {
    return (await follower.outbox.measureLag('search')).rows === 0;
  });
  const indexed = await index.countDocuments();
  await index.dropIndex(indexName);
  t.is(indexed, count);
  t.deepEqual([...new Set(told)].sort(), fileIds.sort());
  void [worker, following];
});

test('a page of events ends where their files become too many, and none is left out', async (t) => {
  await using follower = await openFollowerHarness(temporal);
  const { database, outbox } = follower;
  // The last one alone has more than a page may have.
  const sizes = [...Array.from({ length: 25 }, () => 1_000), limits.outboxPageFiles + 1, 1];
  for (const size of sizes) {
    await database.query(
      {
        text: `insert into outbox (type, subject_type, subject_id, file_ids)
          values ('files.rebuilt', 'storage_element', 'x', $1)`,
      },
      [Array.from({ length: size }, newFileId)],
    );
  }
  const pages: number[][] = [];
  let position: OutboxPosition | null = null;
  await until('all is read', async () => {
    const events = await outbox.readAfter(position, limits.outboxBatch);
    if (events.length === 0) return pages.flat().length === sizes.length;
    pages.push(events.map(({ fileIds }) => fileIds.length));
    position = events.at(-1)!;
    return false;
  });
  t.deepEqual(pages.flat(), sizes);
  for (const page of pages) {
    const files = page.slice(0, -1).reduce((sum, size) => sum + size, 0);
    t.true(files < limits.outboxPageFiles, String(page));
  }
  t.true(pages.length >= 4);
});

import test from 'ava';
import { createSearchTarget } from '#activities/feed-targets.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { PostgresFileSearch } from '#infra/postgres/postgres-file-search.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { openFollowerHarness } from '#test/support/follower-harness.ts';
import { startOwnMeilisearch, type OwnMeilisearch } from '#test/support/own-meilisearch.ts';
import { storeFiles } from '#test/support/stored-files.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal[Symbol.asyncDispose]());

interface Outage {
  readonly name: string;
  begin(server: OwnMeilisearch): Promise<void> | void;
  end(server: OwnMeilisearch): Promise<void> | void;
  /** Whether what was indexed before is still there afterwards. */
  readonly keepsIndex: boolean;
}

const outages: readonly Outage[] = [
  {
    name: 'is killed',
    begin: (server) => server.kill(),
    end: (server) => server.start(),
    keepsIndex: true,
  },
  {
    name: 'hangs',
    begin: (server) => server.hang(),
    end: (server) => server.resume(),
    keepsIndex: true,
  },
  {
    name: 'is wiped',
    async begin(server) {
      await server.kill();
      await server.wipe();
    },
    end: (server) => server.start(),
    keepsIndex: false,
  },
];
const filesBefore = 40;
const filesMeanwhile = 60;

for (const { name, begin, end, keepsIndex } of outages) {
  test(`when Meilisearch ${name}, the follower waits, and what was stored meanwhile comes into the index`, async (t) => {
    await using server = await startOwnMeilisearch();
    using index = new MeilisearchSearchIndex(server);
    await using harness = await openFollowerHarness(temporal);
    const { catalogue, database, outbox } = harness;
    await using worker = await harness.startWorker({
      target: createSearchTarget({
        search: new PostgresFileSearch(database),
        index,
        codec: openAttributesCodec(),
        onUnreadable: (fileId) => t.fail(`${fileId} cannot be read`),
      }),
    });
    const store = (count: number) =>
      storeFiles(
        catalogue.uploads,
        Array.from({ length: count }, () => ({})),
      );
    const isFollowed = async () => (await outbox.measureLag('search')).rows === 0;
    await harness.startFollower();
    await store(filesBefore);
    await until('the index has all', isFollowed);
    t.is(await index.countDocuments(), filesBefore);

    await begin(server);
    await store(filesMeanwhile);
    t.is((await outbox.measureLag('search')).rows, filesMeanwhile);
    await end(server);

    await until('the index has caught up', isFollowed);
    const total = keepsIndex ? filesBefore + filesMeanwhile : filesMeanwhile;
    t.is(await index.countDocuments(), total);
    // With its settings: without them Meilisearch refuses to filter.
    const { hits } = await index.searchIndex({
      text: 'догвор',
      mode: 'fulltext',
      filters: { extension: 'pdf' },
      sort: 'relevance',
      order: 'desc',
      limit: filesBefore + filesMeanwhile,
      after: null,
      offset: 0,
      withHighlight: false,
      facets: [],
    });
    t.is(hits.length, total);
    void worker;
  });
}

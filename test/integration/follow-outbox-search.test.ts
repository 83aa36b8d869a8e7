import { randomUUID } from 'node:crypto';
import test from 'ava';
import { createSearchTarget } from '#activities/feed-targets.ts';
import type { FileId } from '#domain/ids.ts';
import type { SearchQuery } from '#domain/ports/file-search.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { PostgresFileSearch } from '#infra/postgres/postgres-file-search.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { openFollowerHarness } from '#test/support/follower-harness.ts';
import { storeFiles } from '#test/support/stored-files.ts';
import { openTcpProxy } from '#test/support/tcp-proxy.ts';
import { testStack } from '#test/support/test-stack.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal[Symbol.asyncDispose]());

const query = (text: string): SearchQuery & { readonly offset: number } => ({
  text,
  mode: 'fulltext',
  filters: {},
  sort: 'relevance',
  order: 'desc',
  limit: 20,
  after: null,
  withHighlight: false,
  facets: [],
  offset: 0,
});

test('files come into the index, change in it and leave it; an index that is away is waited for', async (t) => {
  await using harness = await openFollowerHarness(temporal);
  const { database, catalogue } = harness;
  await using proxy = await openTcpProxy(new URL(testStack().meilisearchUrl).host);
  const indexName = `test-${randomUUID()}`;
  using index = new MeilisearchSearchIndex({
    url: `http://${proxy.address}`,
    key: testStack().meilisearchKey,
    indexName,
  });
  const unreadable: FileId[] = [];
  await using worker = await harness.startWorker({
    target: createSearchTarget({
      search: new PostgresFileSearch(database),
      index,
      codec: openAttributesCodec(),
      onUnreadable: (fileId) => void unreadable.push(fileId),
    }),
  });
  const find = async (text: string): Promise<FileId[]> => {
    const { hits } = await index.searchIndex(query(text));
    return hits.map(({ fileId }) => fileId);
  };
  const finds = (text: string, fileIds: readonly FileId[]) =>
    until(`${text} finds ${fileIds.length}`, async () => {
      const found = await find(text).catch(() => null);
      return found !== null && found.toSorted().join() === fileIds.toSorted().join();
    });

  const [contract, invoice] = (
    await storeFiles(catalogue.uploads, [
      { originalFilename: 'Договор аренды.pdf' },
      { originalFilename: 'Счёт-фактура.pdf' },
    ])
  ).map(({ fileId }) => fileId);
  await harness.startFollower();
  await finds('договор', [contract!]);
  await finds('аренды', [contract!]);
  // The index has them before the position says so.
  await until('the position follows', async () => {
    return (await harness.outbox.measureLag('search')).rows === 0;
  });

  proxy.cut();
  await database.query(
    {
      text: `with changed as (
          update files set attributes = (attributes::jsonb || '{"description": "квитанция"}')::json
          where file_id = $1 returning file_id
        ), gone as (delete from files where file_id = $2 returning file_id)
        insert into outbox (type, subject_type, subject_id, file_ids)
        select 'test', 'file', file_id::text, array[file_id] from changed
        union all select 'test', 'file', file_id::text, array[file_id] from gone`,
    },
    [invoice, contract],
  );
  await until(
    'the lag is seen',
    async () => (await harness.outbox.measureLag('search')).rows === 2,
  );
  proxy.mend();
  await finds('квитанция', [invoice!]);
  await finds('аренды', []);
  await until('the position follows', async () => {
    return (await harness.outbox.measureLag('search')).rows === 0;
  });
  t.deepEqual(unreadable, []);
  t.is(await index.countDocuments(), 1);
  await index.dropIndex(indexName);
  void worker;
});

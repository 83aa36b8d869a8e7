import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import type { SearchDocument, SearchQuery } from '#domain/ports/file-search.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { startOwnMeilisearch } from '#test/support/own-meilisearch.ts';
import { newFileId } from '#test/support/stored-files.ts';

const document: SearchDocument = {
  file_id: newFileId(),
  version: '1',
  original_filename: 'договор.pdf',
  extension: 'pdf',
  description: null,
  tags: [],
  content_type: 'application/pdf',
  username: 'ivanov',
  element_id: 'edit-01' as ElementId,
  retention_policy: 'temporary',
  file_size: 1,
  created_at: 0,
  updated_at: 0,
  attribute_values: [],
};

const query: SearchQuery & { offset: number } = {
  text: 'догвор',
  mode: 'fulltext',
  filters: { extension: 'pdf' },
  sort: 'relevance',
  order: 'desc',
  limit: 20,
  after: null,
  offset: 0,
  withHighlight: false,
  facets: [],
};

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const givenUpAt = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > givenUpAt) throw new Error('it did not happen');
    await delay(20);
  }
}

test('killed, hung and wiped, the index is refused at once and comes back by itself', async (t) => {
  await using server = await startOwnMeilisearch();
  using index = new MeilisearchSearchIndex(server);
  const fails = async () => {
    const error = await t.throwsAsync(index.searchIndex(query));
    t.true(isDomainError(error, 'SEARCH_UNAVAILABLE'));
  };
  const finds = async (): Promise<number> => (await index.searchIndex(query)).hits.length;

  // No index yet: an answer, not an outage.
  await fails();
  t.true(index.isAvailable());
  await index.upsertDocuments([document]);
  t.is(await finds(), 1);

  await server.kill();
  while (index.isAvailable()) await fails();
  await server.start();
  await until(() => index.isAvailable());
  t.is(await finds(), 1);

  server.hang();
  while (index.isAvailable()) await fails();
  const before = performance.now();
  for (let call = 0; call < 100; call += 1) await fails();
  // A hundred time-outs would be a hundred seconds.
  t.true(performance.now() - before < 30_000);
  await t.throwsAsync(index.upsertDocuments([document]));
  server.resume();
  await until(() => index.isAvailable());
  t.is(await finds(), 1);

  await server.kill();
  await server.wipe();
  await server.start();
  await fails();
  // The next write makes the index with its settings: the filter works.
  await index.upsertDocuments([document]);
  await until(() => index.isAvailable());
  t.is(await finds(), 1);
  t.is(await index.countDocuments(), 1);
});

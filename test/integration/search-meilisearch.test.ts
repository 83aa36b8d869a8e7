import { randomUUID } from 'node:crypto';
import anyTest, { type TestFn } from 'ava';
import type { ElementId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { SearchDocument, SearchFilters, SearchQuery } from '#domain/ports/file-search.ts';
import { highlightMarks } from '#domain/search/highlight.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { newFileId } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';

const test = anyTest as TestFn<{ readonly index: MeilisearchSearchIndex }>;

const seconds = (text: string): number => Date.parse(text) / 1000;

function document(change: Partial<SearchDocument>): SearchDocument {
  return {
    file_id: newFileId(),
    version: '1',
    original_filename: 'без имени.pdf',
    extension: 'pdf',
    description: null,
    tags: [],
    content_type: 'application/pdf',
    username: 'ivanov',
    element_id: 'edit-01' as ElementId,
    retention_policy: 'temporary',
    file_size: 100,
    created_at: seconds('2025-11-08T10:00:00Z'),
    updated_at: seconds('2025-11-08T10:00:00Z'),
    attribute_values: [],
    ...change,
  };
}

const documents = [
  document({ original_filename: 'договор_поставки-127.pdf', tags: ['срочно'], file_size: 1 }),
  document({
    original_filename: 'Акт сверки.docx',
    extension: 'docx',
    description: 'по договору аренды с "Ромашкой"',
    username: 'petrov "the\\one"',
    created_at: seconds('2025-11-09T10:00:00Z'),
    file_size: 2,
  }),
  document({
    original_filename: 'Invoice 2024.pdf',
    attribute_values: ['экскаватор', '4711'],
    retention_policy: 'permanent',
    file_size: 3,
  }),
];

test.before(async (t) => {
  const { meilisearchUrl: url, meilisearchKey: key } = testStack();
  const index = new MeilisearchSearchIndex({ url, key, indexName: `test-${randomUUID()}` });
  t.context = { index };
  await index.ensureIndex();
  await index.upsertDocuments(documents);
});

test.after.always(async (t) => {
  const { index } = t.context;
  await index.dropIndex(index.nameIndex('').slice(0, -1));
  index[Symbol.dispose]();
});

const everything = {
  text: null,
  mode: 'fulltext',
  filters: {},
  sort: 'relevance',
  order: 'desc',
  limit: 20,
  after: null,
  offset: 0,
  withHighlight: false,
  facets: [],
} as const satisfies SearchQuery & { offset: number };

async function find(index: MeilisearchSearchIndex, query: Partial<SearchQuery>): Promise<number[]> {
  const { hits } = await index.searchIndex({ ...everything, ...query });
  return hits.map(({ fileId }) => documents.findIndex(({ file_id: id }) => id === fileId));
}

const texts: readonly (readonly [string, readonly number[]])[] = [
  ['договор', [0, 1]],
  ['догвор', [0, 1]],
  ['поствки', [0]],
  ['127', [0]],
  ['128', []],
  ['экскватор', [2]],
  ['4711', [2]],
  ['4712', []],
  ['invioce', [2]],
  ['срочно', [0]],
  ['договор экскаватор', []],
  ['абракадабра', []],
];

for (const [text, expected] of texts) {
  test(`${text} finds ${JSON.stringify(expected)}`, async (t) => {
    t.deepEqual(await find(t.context.index, { text }), expected);
  });
}

const filters: readonly (readonly [SearchFilters, readonly number[]])[] = [
  [{ extension: 'DOCX' }, [1]],
  [{ contentType: 'application/pdf' }, [0, 1, 2]],
  [{ tags: ['срочно'] }, [0]],
  [{ username: 'petrov "the\\one"' }, [1]],
  [{ username: 'x" OR username = "ivanov' }, []],
  [{ sizeMinBytes: 2, sizeMaxBytes: 2 }, [1]],
  [{ createdFrom: parseInstant('2025-11-09T00:00:00Z')! }, [1]],
  [{ createdTo: parseInstant('2025-11-08T10:00:00Z')! }, [0, 2]],
  [{ retentionPolicy: 'permanent' }, [2]],
  [{ elementId: 'rw-01' as ElementId }, []],
];

for (const [filter, expected] of filters) {
  test(`the filter ${JSON.stringify(filter)} finds ${JSON.stringify(expected)}`, async (t) => {
    const found = await find(t.context.index, { filters: filter });
    t.deepEqual(found.toSorted(), expected);
  });
}

test('pages, sorts, counts and marks', async (t) => {
  const { index } = t.context;
  t.deepEqual(await find(index, { sort: 'file_size', order: 'desc' }), [2, 1, 0]);
  const page = await index.searchIndex({
    ...everything,
    sort: 'file_size',
    order: 'asc',
    limit: 2,
  });
  t.true(page.hasMore);
  t.is(page.hits.length, 2);
  const rest = await index.searchIndex({
    ...everything,
    sort: 'file_size',
    order: 'asc',
    limit: 2,
    offset: 2,
    facets: ['extension'],
  });
  t.false(rest.hasMore);
  t.deepEqual(
    rest.hits.map(({ fileId }) => fileId),
    [documents[2]!.file_id],
  );
  t.deepEqual(rest.facets, { extension: { docx: 1, pdf: 2 } });
  const { hits } = await index.searchIndex({ ...everything, text: 'догвор', withHighlight: true });
  const { start, stop } = highlightMarks;
  // It marks as many letters as were typed.
  t.deepEqual(hits[0]?.highlight, {
    original_filename: `${start}догово${stop}р_поставки-127.pdf`,
  });
  t.deepEqual(hits[1]?.highlight, {
    description: `по ${start}догово${stop}ру аренды с "Ромашкой"`,
  });
});

test('suggest looks for names by their beginning', async (t) => {
  const { hits } = await t.context.index.suggest('дог', 10);
  t.deepEqual(
    hits.map(({ fileId }) => fileId),
    [documents[0]!.file_id],
  );
  t.deepEqual((await t.context.index.suggest('аренд', 10)).hits, []);
});

test('a later document takes the place of an earlier one, and can be deleted', async (t) => {
  const { meilisearchUrl: url, meilisearchKey: key } = testStack();
  // One of its own: the others count what is in theirs.
  using index = new MeilisearchSearchIndex({ url, key, indexName: `test-${randomUUID()}` });
  await index.ensureIndex();
  await index.upsertDocuments(documents);
  const changed = document({ description: 'синхрофазотрон', extension: 'xyz' });
  await index.upsertDocuments([changed]);
  await index.upsertDocuments([{ ...changed, description: 'перфокарта' }]);
  t.is((await index.searchIndex({ ...everything, text: 'синхрофазотрон' })).hits.length, 0);
  t.is((await index.searchIndex({ ...everything, text: 'перфокарта' })).hits.length, 1);
  await index.deleteDocuments([changed.file_id, newFileId()]);
  t.is((await index.searchIndex({ ...everything, text: 'перфокарта' })).hits.length, 0);
  t.is(await index.countDocuments(), documents.length);
  await index.dropIndex(index.nameIndex('').slice(0, -1));
});

test('a new index is filled beside the serving one and takes its place, once', async (t) => {
  const { meilisearchUrl: url, meilisearchKey: key } = testStack();
  using index = new MeilisearchSearchIndex({ url, key, indexName: `test-${randomUUID()}` });
  const [old, fresh] = [document({ description: 'старое' }), document({ description: 'новое' })];
  await index.upsertDocuments([old]);
  const name = index.nameIndex('run-1');
  await index.createIndex(name);
  await index.upsertDocuments([fresh], name);
  t.is((await index.searchIndex({ ...everything, text: 'новое' })).hits.length, 0);
  await index.swapIndex(name);
  // A worker that was killed before it could say so does it again.
  await index.swapIndex(name);
  t.is((await index.searchIndex({ ...everything, text: 'новое' })).hits.length, 1);
  t.is((await index.searchIndex({ ...everything, text: 'старое' })).hits.length, 0);
  t.false(await index.hasIndex(name));
  // Filters are those of the product in the new one too.
  t.is((await index.searchIndex({ ...everything, filters: { extension: 'pdf' } })).hits.length, 1);
  await t.throwsAsync(index.upsertDocuments([fresh], name));
  await index.dropIndex(index.nameIndex('').slice(0, -1));
});

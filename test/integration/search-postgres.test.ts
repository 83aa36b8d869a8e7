import anyTest, { type TestFn } from 'ava';
import { isDomainError } from '#domain/errors.ts';
import { parseInstant, type Instant } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import type {
  AttributeCondition,
  SearchFilters,
  SearchPosition,
  SearchQuery,
} from '#domain/ports/file-search.ts';
import { openPool, type Database } from '#infra/postgres/open-pool.ts';
import { PostgresFileSearch, searchPoolOptions } from '#infra/postgres/postgres-file-search.ts';
import { openTestCatalogue, rw01 } from '#test/support/open-test-catalogue.ts';
import type { TestCatalogue } from '#test/support/open-test-catalogue.ts';
import { newFileId, storeFiles, type FileTraits } from '#test/support/stored-files.ts';

interface Found {
  readonly catalogue: TestCatalogue;
  readonly pool: Database;
  readonly search: PostgresFileSearch;
}

const test = anyTest as TestFn<Found>;

const day = (number: number): string => `2025-11-${String(number).padStart(2, '0')}T10:00:00Z`;

const files: readonly Partial<FileTraits>[] = [
  {
    originalFilename: 'договор_поставки-127.pdf',
    description: 'Закупка ёлочных игрушек',
    createdAt: day(1),
    sizeBytes: 100,
    tags: ['срочно', 'архив'],
    customAttributes: { amount: 1000.5, signed: '2024-03-15', unit: 'шт', approved: true },
  },
  {
    originalFilename: 'Договоры аренды.DOCX',
    description: 'Прошлогодние договоры, 100% оплачены',
    createdAt: day(2),
    sizeBytes: 200,
    username: 'petrov',
    retentionPolicy: 'permanent',
    customAttributes: { amount: -5, signed: '2023-12-31T10:00:00Z', lot: ['a', 'b'] },
  },
  {
    originalFilename: '100%_готово.txt',
    contentType: 'text/plain',
    createdAt: day(3),
    sizeBytes: 300,
    metadata: { note: 'Счёт ДО-15/2024 на поставку', nested: { deep: ['экскаватор', 42] } },
    customAttributes: { amount: 0, signed: 'никогда', unit: null },
  },
  {
    originalFilename: 'Invoices for drawings.pdf',
    description: '<b>Scanned</b> invoices & "quotes"',
    createdAt: day(4),
    sizeBytes: 400,
    customAttributes: { amount: 1e12, big: 5, 'key with "quotes"': 'x' },
  },
];

test.before(async (t) => {
  const catalogue = await openTestCatalogue();
  const pool = openPool({
    url: catalogue.url,
    applicationName: 'artstore-test-search',
    poolSize: 4,
    ...searchPoolOptions,
  });
  t.context = { catalogue, pool, search: new PostgresFileSearch(pool) };
  await storeFiles(catalogue.uploads, files);
});

test.after.always(async (t) => {
  await t.context.pool[Symbol.asyncDispose]();
  await t.context.catalogue[Symbol.asyncDispose]();
});

const everything: SearchQuery = {
  text: null,
  mode: 'fulltext',
  filters: {},
  sort: 'relevance',
  order: 'desc',
  limit: 100,
  after: null,
  withHighlight: false,
  facets: [],
};

/** Places in `files` of what was found, in the order of the answer. */
async function find({ search }: Found, query: Partial<SearchQuery>): Promise<number[]> {
  const { hits } = await search.searchFiles({ ...everything, ...query });
  return hits.map(({ file }) => {
    const { original_filename: name } = JSON.parse(file.attributes) as JsonObject;
    return files.findIndex(({ originalFilename }) => originalFilename === name);
  });
}

const texts: readonly (readonly [string, readonly number[]])[] = [
  ['договор', [1, 0]],
  ['договоры', [1, 0]],
  ['ДОГОВОРОВ', [1, 0]],
  ['поставка', [0, 2]],
  ['договор_поставки-127.pdf', [0]],
  ['127', [0]],
  ['елочные', [0]],
  ['ёлочные', [0]],
  ['срочный', [0]],
  ['экскаваторы', [2]],
  ['42', [2]],
  // To the letter first; then what has all of its words that mean anything.
  ['ДО-15/2024', [2, 0]],
  ['до-15', [2, 0]],
  ['drawing invoice', [3]],
  ['"invoices" & <b>', [3]],
  ['note', []],
  ['и', []],
  ['%', []],
  ["'); drop table files; --", []],
  ['договор экскаватор', []],
];

for (const [text, expected] of texts) {
  test(`the words ${JSON.stringify(text)} find ${JSON.stringify(expected)}`, async (t) => {
    t.deepEqual(await find(t.context, { text }), expected);
  });
}

const parts: readonly (readonly [string, readonly number[]])[] = [
  ['ГОВОР', [1, 0]],
  ['100%', [2]],
  ['%', [2]],
  ['_', [2, 0]],
  ['\\', []],
  ['р_п', [0]],
  ['d', [3, 1, 0]],
  ['or d', [3]],
];

for (const [text, expected] of parts) {
  test(`the part ${JSON.stringify(text)} of a name finds ${JSON.stringify(expected)}`, async (t) => {
    t.deepEqual(await find(t.context, { text, mode: 'partial' }), expected);
    t.deepEqual(await find(t.context, { filters: { filename: text } }), expected);
  });
}

test('an exact name is the whole name', async (t) => {
  t.deepEqual(await find(t.context, { text: '100%_готово.txt', mode: 'exact' }), [2]);
  t.deepEqual(await find(t.context, { text: '100%', mode: 'exact' }), []);
});

const instant = (text: string): Instant => parseInstant(text)!;

const filters: readonly (readonly [SearchFilters, readonly number[]])[] = [
  [{ extension: 'pdf' }, [3, 0]],
  [{ extension: 'DOCX' }, [1]],
  [{ contentType: 'text/plain' }, [2]],
  [{ tags: ['архив', 'срочно'] }, [0]],
  [{ tags: ['архив', 'нет'] }, []],
  [{ username: 'petrov' }, [1]],
  [{ sizeMinBytes: 200, sizeMaxBytes: 300 }, [2, 1]],
  [{ createdFrom: instant(day(2)), createdTo: instant(day(3)) }, [2, 1]],
  [{ elementId: rw01 }, [1]],
  [{ retentionPolicy: 'temporary' }, [3, 2, 0]],
  [{ state: 'stored' }, [3, 2, 1, 0]],
  [{ state: 'deleting' }, []],
  [{ state: 'corrupt' }, []],
  [{ username: 'ivanov\u0000' }, []],
];

for (const [filter, expected] of filters) {
  test(`the filter ${JSON.stringify(filter)} finds ${JSON.stringify(expected)}`, async (t) => {
    t.deepEqual(await find(t.context, { filters: filter }), expected);
  });
}

const attributes: readonly (readonly [string, readonly AttributeCondition[], readonly number[]])[] =
  [
    ['amount', [{ operator: 'eq', value: 1000.5 }], [0]],
    ['amount', [{ operator: 'eq', value: '1000.5' }], []],
    ['unit', [{ operator: 'in', values: ['шт', null] }], [2, 0]],
    ['unit', [{ operator: 'in', values: [] }], []],
    ['approved', [{ operator: 'eq', value: true }], [0]],
    ['amount', [{ operator: 'gt', value: 0 }], [3, 0]],
    ['amount', [{ operator: 'gte', value: 0 }], [3, 2, 0]],
    ['amount', [{ operator: 'lt', value: 0 }], [1]],
    ['amount', [{ operator: 'lte', value: -5 }], [1]],
    [
      'amount',
      [
        { operator: 'gte', value: -5 },
        { operator: 'lt', value: 1000.5 },
      ],
      [2, 1],
    ],
    ['amount', [{ operator: 'gt', value: 1e11 }], [3]],
    [
      'amount',
      [
        { operator: 'gt', value: 10 },
        { operator: 'lt', value: 5 },
      ],
      [],
    ],
    ['signed', [{ operator: 'gte', value: '2024-01-01' }], [0]],
    ['signed', [{ operator: 'lt', value: '2024-03-15' }], [1]],
    ['signed', [{ operator: 'gt', value: 'м' }], [2]],
    ['signed', [{ operator: 'gt', value: 5 }], []],
    ['lot', [{ operator: 'eq', value: ['a'] }], [1]],
    ['lot', [{ operator: 'gt', value: 'a' }], []],
    ['unit', [{ operator: 'exists', value: true }], [2, 0]],
    ['unit', [{ operator: 'exists', value: false }], [3, 1]],
    ['key with "quotes"', [{ operator: 'eq', value: 'x' }], [3]],
    ['key with "quotes"', [{ operator: 'gte', value: 'x' }], [3]],
    ['__proto__', [{ operator: 'exists', value: true }], []],
    ['amount', [{ operator: 'eq', value: 'a\u0000b' }], []],
  ];

for (const [name, conditions, expected] of attributes) {
  const title = `${name} ${JSON.stringify(conditions)} finds ${JSON.stringify(expected)}`;
  test(title, async (t) => {
    const customAttributes = new Map([[name, conditions]]);
    t.deepEqual(await find(t.context, { filters: { customAttributes } }), expected);
  });
}

for (const sort of ['relevance', 'created_at', 'file_size', 'original_filename'] as const) {
  for (const order of ['asc', 'desc'] as const) {
    test(`pages by ${sort} ${order} are the whole, each file once`, async (t) => {
      const query = { ...everything, text: 'договор pdf договоры', sort, order };
      const whole = await find(t.context, { ...query, text: 'договор' });
      const found: number[] = [];
      let after: SearchPosition | null = null;
      do {
        const page = { text: 'договор', sort, order, limit: 1, after };
        found.push(...(await find(t.context, page)));
        const { next } = await t.context.search.searchFiles({ ...everything, ...page });
        after = next;
      } while (after !== null);
      t.deepEqual(found, whole);
      t.is(found.length, 2);
    });
  }
}

test('a position of another sort is refused', async (t) => {
  for (const sort of ['relevance', 'created_at', 'file_size'] as const) {
    const after = { value: 'x y z', fileId: newFileId() };
    const error = await t.throwsAsync(
      t.context.search.searchFiles({ ...everything, text: 'договор', sort, after }),
    );
    t.true(isDomainError(error, 'CURSOR_INVALID'));
  }
});

test('what was found is marked and the rest escaped', async (t) => {
  const marked = async (query: Partial<SearchQuery>) => {
    const page = await t.context.search.searchFiles({
      ...everything,
      withHighlight: true,
      ...query,
    });
    return page.hits.map(({ highlight }) => highlight);
  };
  t.deepEqual(await marked({ text: 'invoice' }), [
    {
      original_filename: '<em>Invoices</em> for drawings.pdf',
      description: '&lt;b&gt;Scanned&lt;/b&gt; <em>invoices</em> &amp; &quot;quotes&quot;',
    },
  ]);
  t.deepEqual(await marked({ text: 'ёлочные договора 127' }), [
    {
      original_filename: '<em>договор</em>_поставки-<em>127</em>.pdf',
      description: 'Закупка <em>ёлочных</em> игрушек',
    },
  ]);
  t.deepEqual(await marked({ text: 'срочно' }), [{ tags: '<em>срочно</em>, архив' }]);
  t.deepEqual(await marked({ text: '%_Г', mode: 'partial' }), [
    { original_filename: '100<em>%_г</em>отово.txt' },
  ]);
  t.deepEqual(await marked({ filters: { extension: 'txt' } }), [{}]);
});

test('facets count the matches', async (t) => {
  const page = await t.context.search.searchFiles({
    ...everything,
    text: 'договор',
    limit: 1,
    facets: ['extension', 'tags', 'username', 'content_type', 'element_id', 'retention_policy'],
  });
  t.deepEqual(page.facets, {
    extension: { docx: 1, pdf: 1 },
    tags: { архив: 1, срочно: 1 },
    username: { ivanov: 1, petrov: 1 },
    content_type: { 'application/pdf': 2 },
    element_id: { 'edit-01': 1, 'rw-01': 1 },
    retention_policy: { permanent: 1, temporary: 1 },
  });
});

test('files are found by their ids, in their order, and only as the filters say', async (t) => {
  const { search } = t.context;
  const { hits } = await search.searchFiles(everything);
  const ids = hits.map(({ file }) => file.fileId);
  const found = await search.findFiles([ids[2]!, newFileId(), ids[0]!], {});
  t.deepEqual(
    found.map(({ fileId }) => fileId),
    [ids[2], ids[0]],
  );
  t.is((await search.findFiles(ids, { extension: 'pdf' })).length, 2);
  t.deepEqual(await search.findFiles([], {}), []);
  t.is(await search.countFiles(), 4);
});

test('a search that the server does not end in time is SEARCH_TIMEOUT', async (t) => {
  const slow = openPool({
    url: t.context.catalogue.url,
    applicationName: 'artstore-test-slow',
    poolSize: 1,
    ...searchPoolOptions,
    statementTimeoutMs: 1,
  });
  // Any statement of this search now waits for longer than it may.
  const search = new PostgresFileSearch({
    query: (statement, values) =>
      slow.query(
        {
          text: `with slow as materialized (select pg_sleep(5)) select s.* from slow, (${statement.text}) s`,
        },
        values,
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const error = await t.throwsAsync(search.searchFiles({ ...everything, text: 'договор' }));
  t.true(isDomainError(error, 'SEARCH_TIMEOUT'));
  await slow[Symbol.asyncDispose]();
});

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { parseFileId, type FileId } from '#domain/ids.ts';
import { toSearchDocument } from '#domain/search/search-document.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';
import { testStack } from '#test/support/test-stack.ts';
import { storeFiles, type FileTraits } from '#test/support/stored-files.ts';

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
  readonly items: readonly {
    readonly file: { readonly original_filename: string; readonly description: string | null };
    readonly score: number | null;
    readonly highlight: Readonly<Record<string, string>> | null;
  }[];
  readonly next_cursor: string | null;
  readonly engine: string;
  readonly facets: Readonly<Record<string, Readonly<Record<string, number>>>> | null;
  readonly is_cut: boolean;
}

const files: readonly Partial<FileTraits>[] = [
  { originalFilename: 'Договоры поставки №127.pdf', createdAt: '2025-11-01T10:00:00Z' },
  {
    originalFilename: 'Договор аренды.docx',
    createdAt: '2025-11-02T10:00:00Z',
    description: 'на склад <б>',
    customAttributes: { amount: 10.5, signed: '2024-03-15' },
  },
  { originalFilename: 'Акт сверки 100%.pdf', createdAt: '2025-11-03T10:00:00Z', tags: ['срочно'] },
];

let api: TestApi;
let index: MeilisearchSearchIndex;

test.before(async () => {
  const { meilisearchUrl: url, meilisearchKey: key } = testStack();
  index = new MeilisearchSearchIndex({ url, key, indexName: `test-${randomUUID()}` });
  api = await startTestApi(() => ({ searchIndex: index }));
  await storeFiles(api.ports.uploads, files);
  await api.database.query({ text: `update files set state = 'stored'` });
  await index.ensureIndex();
  await indexFiles();
});

test.after.always(async () => {
  await index.dropIndex(index.nameIndex('').slice(0, -1));
  index[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

async function indexFiles(): Promise<readonly FileId[]> {
  const rows = await api.database.query<{ file_id: string }>({ text: 'select file_id from files' });
  const ids = rows.map((row) => parseFileId(row.file_id)!);
  const found = await api.ports.search.findFiles(ids, {});
  await index.upsertDocuments(
    found.map((file) => {
      const attributes = api.ports.codec.parseAttributes(file.attributes);
      return toSearchDocument(file, attributes, String(extensionsOf(attributes).revision));
    }),
  );
  return ids;
}

async function search(body: unknown): Promise<Answer> {
  const response = await api.fetch('/api/v1/files/search', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { ...((await response.json()) as Answer), status: response.status };
}

const names = ({ items }: Answer): string[] => items.map(({ file }) => file.original_filename);

test('words are found in every form; the answer has the shape that clients depend on', async (t) => {
  const answer = await search({ query: 'договор', highlight: true, facets: ['extension'] });
  t.is(answer.status, 200);
  t.deepEqual(names(answer), ['Договор аренды.docx', 'Договоры поставки №127.pdf']);
  t.is(answer.engine, 'postgres');
  t.is(answer.next_cursor, null);
  t.false(answer.is_cut);
  t.deepEqual(answer.facets, { extension: { docx: 1, pdf: 1 } });
  const [first] = answer.items;
  t.is(typeof first?.score, 'number');
  t.deepEqual(first?.highlight, { original_filename: '<em>Договор</em> аренды.docx' });
  const plain = await search({ query: 'договор', limit: 1 });
  t.is(plain.facets, null);
  t.is(plain.items[0]?.highlight, null);
});

test('auto: words that PostgreSQL does not know go to Meilisearch, and it says so', async (t) => {
  const answer = await search({ query: 'догвор', highlight: true });
  t.is(answer.engine, 'meilisearch');
  t.deepEqual(names(answer).toSorted(), ['Договор аренды.docx', 'Договоры поставки №127.pdf']);
  t.regex(answer.items[0]?.highlight?.['original_filename'] ?? '', /<em>Догово/);
  t.is((await search({ query: 'догвор', engine: 'postgres' })).items.length, 0);
  t.is((await search({ query: 'договор', engine: 'meilisearch' })).engine, 'meilisearch');
  // Filters are the catalogue's business, also where the index has no such attribute.
  const filters = { custom_attributes: { amount: { gte: 10 } } };
  t.deepEqual(names(await search({ query: 'догвор', filters })), ['Договор аренды.docx']);
  t.is((await search({ query: 'абракадабра' })).engine, 'postgres');
});

test('every page comes from the engine of the first one, each file once', async (t) => {
  for (const query of ['договор', 'догвор']) {
    const first = await search({ query, limit: 1 });
    t.is(first.status, 200);
    t.truthy(first.next_cursor);
    const second = await search({ query, limit: 1, cursor: first.next_cursor, highlight: true });
    t.is(second.engine, first.engine);
    t.is(new Set([...names(first), ...names(second)]).size, 2);
    t.is(second.next_cursor, null);
  }
});

test('a cursor of another search, a forged and a cut one are refused', async (t) => {
  const { next_cursor: cursor } = await search({ query: 'договор', limit: 1 });
  const others = [
    { query: 'другое', cursor },
    { query: 'договор', sort: 'created_at', cursor },
    { query: 'договор', filters: { extension: 'pdf' }, cursor },
    { query: 'договор', engine: 'meilisearch', cursor },
    { query: 'договор', cursor: cursor?.slice(0, -4) },
    { query: 'договор', cursor: 'AAAA' },
    { query: 'договор', cursor: 'x'.repeat(10_000) },
  ];
  for (const body of others) {
    const answer = await search(body);
    t.is(answer.status, 400, JSON.stringify(body).slice(0, 100));
    t.is(answer.code, 'CURSOR_INVALID');
  }
});

const plainTexts = [
  '%',
  '_',
  '\\',
  "'",
  '"',
  "' or 1=1 --",
  '%%%',
  '&|!():*',
  '<->',
  'a & b',
  '🙂',
];

for (const query of plainTexts) {
  for (const mode of ['fulltext', 'exact', 'partial']) {
    for (const engine of ['auto', 'postgres', 'meilisearch']) {
      test(`${query} is plain text: ${mode}, ${engine}`, async (t) => {
        const answer = await search({ query, mode, engine });
        t.is(answer.status, 200);
        const expected = query === '%' && mode === 'partial' ? 1 : 0;
        t.is(answer.items.length, engine === 'meilisearch' ? 0 : expected);
      });
    }
  }
}

const refused: readonly (readonly [string, unknown, readonly string[]])[] = [
  ['no criteria', {}, ['/query']],
  ['blank text', { query: ' \n' }, ['/query']],
  ['no criteria but a sort', { sort: 'created_at', limit: 5 }, ['/query']],
  ['empty filters', { filters: {} }, ['/query']],
  ['text above the limit', { query: 'ы'.repeat(501) }, ['/query']],
  ['half a megabyte of text', { query: 'x'.repeat(500_000) }, ['/query']],
  ['unknown members', { query: 'a', a: 1, filters: { 'b/c': 1 } }, ['/filters/b~1c', '/a']],
  ['another type', { query: 5, limit: '5', highlight: 1 }, ['/query', '/limit', '/highlight']],
  ['no object', [1], ['']],
  [
    'unknown values',
    { query: 'a', mode: 'x', engine: 'y', sort: 'z' },
    ['/mode', '/engine', '/sort'],
  ],
  ['limits', { query: 'a', limit: 101 }, ['/limit']],
  ['no limit', { query: 'a', limit: 0 }, ['/limit']],
  ['unknown facets', { query: 'a', facets: ['checksum'] }, ['/facets/0']],
  ['the same facet twice', { query: 'a', facets: ['tags', 'tags'] }, ['/facets']],
  ['NUL', { query: 'a\u0000b' }, ['/query']],
  ['half of a surrogate pair', { filters: { filename: 'a\ud800' } }, ['/filters/filename']],
  ['an empty filter', { filters: { filename: '' } }, ['/filters/filename']],
  ['no tags', { filters: { tags: [] } }, ['/filters/tags']],
  ['too many tags', { filters: { tags: Array(51).fill('a') } }, ['/filters/tags']],
  ['a size of nothing', { filters: { size: {} } }, ['/filters/size']],
  ['a negative size', { filters: { size: { min: -1 } } }, ['/filters/size/min']],
  ['a size with its end first', { filters: { size: { min: 2, max: 1 } } }, ['/filters/size']],
  ['no instant', { filters: { created_at: { from: '31.02.2024' } } }, ['/filters/created_at/from']],
  [
    'a range with its end first',
    { filters: { created_at: { from: '2024-02-01T00:00:00Z', to: '2024-01-01T00:00:00Z' } } },
    ['/filters/created_at'],
  ],
  ['no element', { filters: { element_id: 'Ы' } }, ['/filters/element_id']],
  ['an unknown state', { filters: { state: 'gone' } }, ['/filters/state']],
  [
    'attributes of another type',
    { filters: { custom_attributes: [] } },
    ['/filters/custom_attributes'],
  ],
  ['no attribute', { filters: { custom_attributes: {} } }, ['/filters/custom_attributes']],
  [
    'unknown operators',
    { filters: { custom_attributes: { a: { like: 'x' }, 'b/': {} } } },
    ['/filters/custom_attributes/a/like', '/filters/custom_attributes/b~1'],
  ],
  [
    'operands that do not fit',
    {
      filters: {
        custom_attributes: {
          a: { gt: true, in: 5, exists: 'yes' },
          b: { in: [] },
          c: { lt: null },
        },
      },
    },
    [
      '/filters/custom_attributes/a/gt',
      '/filters/custom_attributes/a/in',
      '/filters/custom_attributes/a/exists',
      '/filters/custom_attributes/b/in',
      '/filters/custom_attributes/c/lt',
    ],
  ],
  [
    'a value that no database holds',
    { filters: { custom_attributes: { a: ['\u0000'] } } },
    ['/filters/custom_attributes/a/0'],
  ],
  [
    'a number beyond all',
    '{"filters":{"custom_attributes":{"a":1e999999}}}',
    ['/filters/custom_attributes/a'],
  ],
];

for (const [what, body, pointers] of refused) {
  test(`${what}: 422 with every pointer`, async (t) => {
    const answer = await search(body);
    t.is(answer.status, 422);
    t.is(answer.code, 'REQUEST_INVALID');
    const found = new Set(answer.errors?.map(({ pointer }) => pointer));
    t.deepEqual([...found].toSorted(), [...pointers].toSorted());
  });
}

test('what is no strict JSON, too large or of another type is refused as such', async (t) => {
  for (const body of ['', '{', '{"query":"a","query":"b"}', '{"query":NaN}', '['.repeat(100)]) {
    const answer = await search(body);
    t.is(answer.status, 400, body);
    t.is(answer.code, 'REQUEST_MALFORMED');
  }
  t.is((await search({ query: 'x'.repeat(1_100_000) })).status, 413);
  const response = await api.fetch('/api/v1/files/search', { method: 'POST', body: 'query=a' });
  t.is(response.status, 415);
});

test('numbers may be written in every way', async (t) => {
  const found = await search('{"limit":1e1,"filters":{"custom_attributes":{"amount":10.50}}}');
  t.deepEqual(names(found), ['Договор аренды.docx']);
  const dates = { signed: { gte: '2024-03-01', lt: '2024-04-01' } };
  t.is((await search({ filters: { custom_attributes: dates } })).items.length, 1);
});

test('suggest completes names, and by itself without the index', async (t) => {
  const suggest = async (query: string) => {
    const response = await api.fetch(`/api/v1/files/suggest?${query}`);
    const body = (await response.json()) as {
      engine: string;
      items: { original_filename: string; highlight: Record<string, string> }[];
    };
    return { ...body, status: response.status };
  };
  const found = await suggest(`q=${encodeURIComponent('догов')}`);
  t.is(found.engine, 'meilisearch');
  t.is(found.items.length, 2);
  t.regex(found.items[0]?.highlight['original_filename'] ?? '', /^<em>Догов<\/em>/);
  t.is((await suggest(`q=${encodeURIComponent('догов')}&limit=1`)).items.length, 1);
  const symbols = await suggest(`q=${encodeURIComponent('%')}`);
  t.is(symbols.engine, 'postgres');
  t.is(symbols.items.length, 1);
  for (const query of [
    '',
    'q=',
    'q=%20',
    'q=a&x=1',
    'q=a&limit=11',
    'q=%00',
    `q=${'a'.repeat(501)}`,
  ]) {
    t.is((await suggest(query)).status, 422, query);
  }
});

test('the status tells counts, drift and lag', async (t) => {
  const response = await api.fetch('/api/v1/search/status');
  t.is(response.status, 200);
  const { lag, ...status } = (await response.json()) as Record<string, unknown>;
  t.deepEqual(status, { available: true, catalogue_files: 3, index_documents: 3, drift: 0 });
  t.is(typeof (lag as { events: number }).events, 'number');
});

test.serial('a stale index shows neither deleted files nor what they were', async (t) => {
  const traits = { originalFilename: 'Телеграмма.txt', description: 'прежний смысл' };
  const [changed] = await storeFiles(api.ports.uploads, [traits]);
  const [deleted] = await storeFiles(api.ports.uploads, [
    { ...traits, originalFilename: 'Телеграммы.txt' },
  ]);
  await indexFiles();
  t.is((await search({ query: 'тилеграмма' })).items.length, 2);
  await api.database.query({ text: 'delete from files where file_id = $1' }, [deleted!.fileId]);
  const attributes = JSON.parse(changed!.sidecar) as Record<string, unknown>;
  await api.database.query({ text: 'update files set attributes = $2 where file_id = $1' }, [
    changed!.fileId,
    JSON.stringify({ ...attributes, description: 'новый смысл' }),
  ]);
  const found = await search({ query: 'прежний', engine: 'meilisearch', highlight: true });
  t.deepEqual(names(found), ['Телеграмма.txt']);
  t.is(found.items[0]?.file.description, 'новый смысл');
  t.deepEqual(found.items[0]?.highlight, {});
  const suggested = await api.fetch(`/api/v1/files/suggest?q=${encodeURIComponent('телеграм')}`);
  t.is(((await suggested.json()) as { items: unknown[] }).items.length, 1);
  await api.database.query({ text: 'delete from files where file_id = $1' }, [changed!.fileId]);
  await index.deleteDocuments([changed!.fileId, deleted!.fileId]);
});

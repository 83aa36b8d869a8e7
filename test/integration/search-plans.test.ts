import anyTest, { type TestFn } from 'ava';
import { Client } from 'pg';
import type { AttributeCondition, SearchFilters, SearchQuery } from '#domain/ports/file-search.ts';
import { openPool, type Database, type Statement } from '#infra/postgres/open-pool.ts';
import { PostgresFileSearch, searchPoolOptions } from '#infra/postgres/postgres-file-search.ts';
import { openTestCatalogue, type TestCatalogue } from '#test/support/open-test-catalogue.ts';

interface Asked {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

interface Recorder {
  readonly catalogue: TestCatalogue;
  readonly pool: Database;
  readonly asked: Asked[];
  readonly search: PostgresFileSearch;
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Node[];
}

const test = anyTest as TestFn<Recorder>;
const rowCount = 20_000;
const batchRows = 4_000;

test.before(async (t) => {
  const catalogue = await openTestCatalogue();
  const { url } = catalogue;
  const applicationName = 'artstore-test-search';
  const pool = openPool({ url, applicationName, poolSize: 2, ...searchPoolOptions });
  const asked: Asked[] = [];
  const search = new PostgresFileSearch({
    async query(statement, values = []) {
      asked.push({ statement, values });
      return pool.query(statement, values);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  t.context = { catalogue, pool, asked, search };
  await fillTable(catalogue.database);
});

test.after.always(async (t) => {
  await t.context.pool[Symbol.asyncDispose]();
  await t.context.catalogue[Symbol.asyncDispose]();
});

/** The rare word stands in the oldest files only, where a walk from the newest comes last. */
async function fillTable(database: Database): Promise<void> {
  for (let from = 1; from <= rowCount; from += batchRows) {
    await database.query({
      text: `insert into files (file_id, element_id, storage_path, storage_filename,
          original_filename, file_size, content_type, created_by_username, tags, retention_policy,
          created_at, updated_at, revision, sidecar_digest, attributes)
        select gen_random_uuid(), 'edit-01', '', '', 'Договор ' || md5(n::text) || '.pdf', n,
          'application/pdf', 'user', '{}', 'temporary', now() - n * interval '1 minute', now(), 1,
          repeat('0', 64), json_build_object(
            'description', case when n > ${rowCount - 100} then 'редкость' end,
            'custom_attributes', json_build_object('number', n, 'lot', 'lot-' || n,
              'kind', case when n % 2 = 0 then 'even' else 'odd' end))
        from generate_series(${from}, ${from + batchRows - 1}) n`,
    });
  }
  await database.query({ text: 'vacuum analyze files' });
}

/** Plans as they are run, but by a server that is not told to avoid reading whole tables. */
async function plansOf({ catalogue, asked }: Recorder): Promise<Node[]> {
  const client = new Client({ connectionString: catalogue.url, application_name: 'explain' });
  await client.connect();
  try {
    for (const [name, value] of Object.entries(searchPoolOptions.serverSettings)) {
      await client.query(`set ${name} = '${value}'`);
    }
    const nodes: Node[] = [];
    for (const { statement, values } of asked) {
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
        `explain (analyze, format json) ${statement.text}`,
        [...values],
      );
      nodes.push(...flatten(rows[0]!['QUERY PLAN'][0].Plan));
    }
    return nodes;
  } finally {
    await client.end();
  }
}

function flatten(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

const query: SearchQuery = {
  text: null,
  mode: 'fulltext',
  filters: {},
  sort: 'relevance',
  order: 'desc',
  limit: 20,
  after: null,
  withHighlight: false,
  facets: [],
};

const attribute = (name: string, ...conditions: AttributeCondition[]): SearchFilters => ({
  customAttributes: new Map([[name, conditions]]),
});

const searches: readonly (readonly [what: string, search: Partial<SearchQuery>, index: string])[] =
  [
    ['a rare word', { text: 'редкость' }, 'files_by_words'],
    ['a rare word by age', { text: 'редкость', sort: 'created_at' }, 'files_by_words'],
    ['a common word by age', { text: 'договор', sort: 'created_at' }, 'files_by_created_at'],
    [
      'a rare value',
      { filters: attribute('lot', { operator: 'eq', value: 'lot-7' }) },
      'files_by_attribute',
    ],
    [
      'one of several values',
      { filters: attribute('lot', { operator: 'in', values: ['lot-7', 'lot-8'] }) },
      'files_by_attribute',
    ],
    [
      'a common value',
      { filters: attribute('kind', { operator: 'eq', value: 'even' }) },
      'files_by_created_at',
    ],
    [
      'a short range',
      {
        filters: attribute('number', { operator: 'gte', value: 70 }, { operator: 'lt', value: 90 }),
      },
      'files_by_attribute_term',
    ],
    [
      'a range beyond all values',
      { filters: attribute('number', { operator: 'gt', value: 1e6 }) },
      'files_by_attribute_term',
    ],
    [
      'an attribute that no file has',
      { filters: attribute('none', { operator: 'exists', value: true }) },
      'files_by_attribute_term',
    ],
    ['a rare part of a name', { text: 'c4ca4238', mode: 'partial' }, 'files_by_name_part'],
    ['an exact name', { text: 'нет.pdf', mode: 'exact' }, 'files_by_original_filename'],
  ];

for (const [what, search, index] of searches) {
  test.serial(`${what} is found by ${index}, and few rows are looked at in vain`, async (t) => {
    t.context.asked.length = 0;
    await t.context.search.searchFiles({ ...query, ...search });
    const nodes = await plansOf(t.context);
    const used = nodes.map((node) => node['Index Name']);
    t.true(used.includes(index), used.join());
    t.false(
      nodes.some((node) => node['Node Type'] === 'Seq Scan' && node['Relation Name'] === 'files'),
    );
    const removed = nodes.reduce((sum, node) => sum + (node['Rows Removed by Filter'] ?? 0), 0);
    t.true(removed < 500, `${removed} rows were looked at in vain`);
  });
}

test.serial('a page by age ends as soon as it is full', async (t) => {
  t.context.asked.length = 0;
  await t.context.search.searchFiles({ ...query, text: 'договор', sort: 'created_at' });
  const nodes = await plansOf(t.context);
  t.true(Math.max(...nodes.map((node) => node['Actual Rows'])) < 100);
});

import anyTest, { type TestFn } from 'ava';
import { Client } from 'pg';
import type { FileListQuery } from '#domain/ports/file-catalogue.ts';
import type { Database, Statement } from '#infra/postgres/open-pool.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresOperationRegistry } from '#infra/postgres/postgres-operation-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { edit01, openTestCatalogue } from '#test/support/open-test-catalogue.ts';
import type { TestCatalogue } from '#test/support/open-test-catalogue.ts';
import { operationOfUpload } from '#domain/ids.ts';
import {
  newAccountId,
  newFileId,
  newGroupId,
  stagedUpload,
  uploadRequest,
} from '#test/support/stored-files.ts';

interface Asked {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/** The adapters as they are, over a connection that writes down what it is asked. */
interface Recorder {
  readonly catalogue: TestCatalogue;
  readonly asked: Asked[];
  readonly uploads: PostgresUploadRegistry;
  readonly files: PostgresFileCatalogue;
  readonly operations: PostgresOperationRegistry;
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Node[];
}

const test = anyTest as TestFn<Recorder>;
const rowCount = 30_000;

test.before(async (t) => {
  const catalogue = await openTestCatalogue();
  const asked: Asked[] = [];
  const database: Database = {
    async query<Row extends object>(statement: Statement, values: readonly unknown[] = []) {
      asked.push({ statement, values });
      return await catalogue.database.query<Row>(statement, values);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  t.context = {
    catalogue,
    asked,
    uploads: new PostgresUploadRegistry(database),
    files: new PostgresFileCatalogue(database),
    operations: new PostgresOperationRegistry(database),
  };
  await fillTables(catalogue.database);
});

test.after.always(async (t) => {
  await t.context.catalogue[Symbol.asyncDispose]();
});

async function fillTables(database: Database): Promise<void> {
  // Not all at once: what a file is found by is derived for each.
  for (let from = 1; from <= rowCount; from += 5_000) {
    await database.query({
      text: `insert into files (file_id, element_id, storage_path, storage_filename,
          original_filename, file_size, content_type, created_by_username, tags, retention_policy,
          created_at, updated_at, revision, sidecar_digest, attributes)
        select gen_random_uuid(), 'edit-01', '2025/11/08/10/', 'name' || n, 'name' || n, n,
          case when n % 1000 = 0 then 'text/rare' else 'application/pdf' end,
          'user' || n % 1000,
          case when n % 1000 = 0 then array['rare'] else '{}' end, 'temporary',
          now() - n * interval '1 minute', now() - n * interval '1 minute', 1, repeat('0', 64), '{}'
        from generate_series(${from}, ${from + 4_999}) n`,
    });
  }
  await database.query({
    text: `insert into uploads (file_id, account_id, element_id, state, idempotency_key,
        reserved_bytes, lease_owner, lease_expires_at, group_id, sidecar, sidecar_digest,
        storage_path, storage_filename, size_bytes, fingerprint, finished_at)
      select gen_random_uuid(), gen_random_uuid(), 'edit-01', 'stored', 'key' || n, 0, 'api', now(),
        gen_random_uuid(), '{}', '', '', '', 1, '', now()
      from generate_series(1, ${rowCount}) n`,
  });
  await database.query({ text: 'vacuum analyze files, uploads' });
}

/** Plans as a server makes them that is not told to avoid reading whole tables. */
async function plansOf({ catalogue, asked }: Recorder): Promise<Node[]> {
  const client = new Client({ connectionString: catalogue.url, application_name: 'explain' });
  await client.connect();
  // As on a solid-state disk: a look into an index costs hardly more than the next page.
  await client.query('set random_page_cost = 1.1');
  try {
    const nodes: Node[] = [];
    for (const { statement, values } of asked) {
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
        `explain (format json) ${statement.text}`,
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

const isRead = (node: Node): boolean =>
  node['Relation Name'] === 'files' || node['Relation Name'] === 'uploads';

function tablesReadWhole(nodes: readonly Node[]): readonly Node[] {
  return nodes.filter((node) => node['Node Type'] === 'Seq Scan' && isRead(node));
}

const query: FileListQuery = {
  filters: {},
  sort: 'created_at',
  order: 'desc',
  limit: 100,
  after: null,
  includeTotal: false,
};

const after = {
  created_at: '2025-11-08T10:30:45+00:00',
  updated_at: '2025-11-08T10:30:45+00:00',
  file_size: '20000',
  original_filename: 'name2',
} as const;

for (const sort of ['created_at', 'updated_at', 'file_size', 'original_filename'] as const) {
  for (const order of ['asc', 'desc'] as const) {
    test.serial(`a page deep in the list by ${sort} ${order} is read from its index`, async (t) => {
      t.context.asked.length = 0;
      const position = { value: after[sort], fileId: newFileId() };
      await t.context.files.listFiles({ ...query, sort, order, after: position });
      const nodes = await plansOf(t.context);
      t.true(nodes.some((node) => node['Index Name'] === `files_by_${sort}`));
      t.deepEqual(tablesReadWhole(nodes), []);
      t.false(nodes.some((node) => node['Node Type'].includes('Sort')));
    });
  }
}

const filters = [
  [{ contentType: 'text/rare' }, 'files_by_content_type'],
  [{ username: 'user1' }, 'files_by_username'],
  [{ tag: 'rare' }, 'files_by_tag'],
  [{ retentionPolicy: 'permanent' }, 'files_by_retention_policy'],
  [{ state: 'corrupt' }, 'files_out_of_order'],
  [{ elementId: 'rw-01' as typeof edit01 }, 'files_by_element'],
] as const;

for (const [filter, index] of filters) {
  test.serial(`the filter ${JSON.stringify(filter)} uses ${index}`, async (t) => {
    t.context.asked.length = 0;
    await t.context.files.listFiles({ ...query, filters: filter });
    const nodes = await plansOf(t.context);
    t.true(nodes.some((node) => node['Index Name'] === index));
    t.deepEqual(tablesReadWhole(nodes), []);
  });
}

test.serial('a file and an operation are found by their key', async (t) => {
  t.context.asked.length = 0;
  await t.context.files.findFile(newFileId());
  await t.context.operations.findOperation(operationOfUpload(newFileId()));
  const nodes = await plansOf(t.context);
  t.deepEqual(tablesReadWhole(nodes), []);
  t.deepEqual(
    nodes.filter(isRead).map((node) => node['Index Name']),
    ['files_pkey', 'uploads_pkey'],
  );
});

test.serial('no step of an upload and no sweep reads a table from end to end', async (t) => {
  const { uploads } = t.context;
  t.context.asked.length = 0;
  const requests = Array.from({ length: 64 }, (_, index) =>
    uploadRequest({ accountId: newAccountId(), idempotencyKey: `new-${index}` }),
  );
  await Promise.all(requests.map((request) => uploads.openUpload(request)));
  const ids = requests.map(({ fileId }) => fileId);
  await uploads.extendReservation(ids[0]!, 1);
  await uploads.renewLeases('api-1', ids);
  await uploads.stageUploads(ids.map((fileId) => stagedUpload({ fileId, elementId: edit01 })));
  const groupId = newGroupId();
  await uploads.claimGroup(groupId, ids);
  await uploads.findGroup(groupId);
  await uploads.findUploads(ids);
  await uploads.recordGroup(
    groupId,
    ids.map((fileId) => ({ fileId, ok: true })),
  );
  await uploads.failUploads(ids, ['receiving'], { code: 'REQUEST_TIMEOUT', detail: '' });
  await uploads.abandonDeadUploads(edit01);
  await uploads.findStalledGroups(edit01, 1);
  await uploads.forgetFinishedUploads(edit01);
  t.deepEqual(tablesReadWhole(await plansOf(t.context)), []);
});

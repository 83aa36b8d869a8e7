import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { FileId, OperationId } from '#domain/ids.ts';
import type { ElementRows } from '#domain/ports/element-rows.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { PostgresElementRows } from '#infra/postgres/postgres-element-rows.ts';
import {
  edit01,
  openTestCatalogue,
  type TestCatalogue,
} from '#test/support/open-test-catalogue.ts';
import {
  newAccountId,
  newFileId,
  newGroupId,
  stagedUpload,
  storeFiles,
  uploadRequest,
} from '#test/support/stored-files.ts';

const codec = openAttributesCodec();

async function openOperation({ journal }: TestCatalogue): Promise<OperationId> {
  const operationId = randomUUID() as string as OperationId;
  await journal.openOperation({
    operationId,
    kind: 'reconcileElement',
    subject: { type: 'storage_element', id: edit01 },
    startedBy: newAccountId(),
    workflowId: 'reconcile-element/edit-01',
    elementId: edit01,
    input: { apply: true },
  });
  return operationId;
}

type MissingRow = Parameters<ElementRows['addRows']>[2][number];

function missingRow(fileId: FileId = newFileId(), change: Partial<MissingRow> = {}): MissingRow {
  const { sidecar, sidecarDigest, storagePath, storageFilename } = stagedUpload({
    fileId,
    elementId: edit01,
  });
  const attributes = codec.parseAttributes(sidecar);
  const text = codec.encodeForCatalogue(attributes);
  const place = { storagePath, storageFilename };
  const row = { fileId, attributes, text, sidecarDigest, schemaVersion: '2.0', ...place };
  return { ...row, state: 'stored', ...change };
}

const usedBytes = async ({ elements }: TestCatalogue): Promise<number> =>
  (await elements.findElement(edit01))!.usedBytes;

test('rows come in the order of their locations, page by page, with what holds them', async (t) => {
  await using catalogue = await openTestCatalogue();
  const rows = new PostgresElementRows(catalogue.database);
  await storeFiles(
    catalogue.uploads,
    ['я.pdf', 'a.pdf', '😀.pdf', '\uFFFD.pdf', 'a-b.pdf'].map((originalFilename, hour) => ({
      originalFilename,
      createdAt: `2025-11-08T1${hour % 2}:00:00Z`,
    })),
  );
  await storeFiles(catalogue.uploads, [{ retentionPolicy: 'permanent' }]);
  await catalogue.database.query({
    text: `update files set tombstoned_at = now() where original_filename = 'я.pdf'`,
  });
  const paged = [];
  for (let after = null; ; after = paged.at(-1) ?? null) {
    const page = await rows.listRows(edit01, { after, limit: 2 });
    paged.push(...page);
    if (page.length < 2) break;
  }
  const shown = paged.map((row) => row.storagePath + row.storageFilename.split('_')[0]);
  t.deepEqual(
    shown,
    [
      '2025/11/08/10/a-b.pdf',
      '2025/11/08/10/я.pdf',
      '2025/11/08/10/😀.pdf',
      '2025/11/08/11/a.pdf',
      '2025/11/08/11/\uFFFD.pdf',
    ].map((path) => path.replace('.pdf', '')),
  );
  t.deepEqual(
    paged.map(({ isHeld }) => isHeld),
    [false, true, false, false, false],
  );
  t.is(await rows.countRows(edit01), 5);
});

test('a location tells its row, a new version after every change, and uploads on their way to it', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { database, uploads } = catalogue;
  const rows = new PostgresElementRows(database);
  const [stored] = await storeFiles(uploads, [{}]);
  const request = uploadRequest();
  await uploads.openUpload(request);
  const coming = stagedUpload({ fileId: request.fileId, elementId: edit01 });
  const nowhere = { storagePath: '2025/', storageFilename: 'nothing' };
  const ask = () => rows.findRecords(edit01, [coming, stored!, nowhere]);

  const [receiving, before, none] = await ask();
  const unknown = { row: null, isInFlight: false };
  t.deepEqual([receiving, none], [unknown, unknown]);
  t.like(before, { row: { fileId: stored!.fileId, sizeBytes: 4096 }, isInFlight: false });
  await uploads.stageUploads([coming]);
  t.like((await ask())[0], { row: null, isInFlight: true });
  const groupId = newGroupId();
  await uploads.claimGroup(groupId, [coming.fileId]);
  t.like((await ask())[0], { row: null, isInFlight: true });
  await uploads.recordGroup(groupId, [{ fileId: coming.fileId, ok: true }]);
  t.like((await ask())[0], { row: { fileId: coming.fileId }, isInFlight: false });

  const text = `update files set state = 'stored' where file_id = $1`;
  await database.query({ text }, [stored!.fileId]);
  const [, after] = await ask();
  t.not(after?.row?.version, before?.row?.version);
});

test('missing rows are added once, with one event and the counters of the element', async (t) => {
  await using catalogue = await openTestCatalogue();
  const rows = new PostgresElementRows(catalogue.database);
  const operationId = await openOperation(catalogue);
  const given = [missingRow(), missingRow(newFileId(), { state: 'missing' })];
  const ids = given.map(({ fileId }) => fileId);
  t.deepEqual([...(await rows.addRows(operationId, edit01, given))].toSorted(), ids.toSorted());
  t.deepEqual(await rows.addRows(operationId, edit01, given), new Set());
  t.like(await catalogue.files.findFile(ids[0]!), {
    state: 'stored',
    sidecarDigest: given[0]!.sidecarDigest,
    attributes: given[0]!.text,
  });
  t.like(await catalogue.files.findFile(ids[1]!), { state: 'missing' });
  t.is(await usedBytes(catalogue), 2 * 4096);
  const events = await catalogue.database.query({ text: 'select type, file_ids from outbox' });
  t.deepEqual(events, [{ type: 'files.rebuilt', file_ids: ids.toSorted() }]);
});

test('no row is added where somebody else has to do with the file or its place', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { database, uploads } = catalogue;
  const rows = new PostgresElementRows(database);
  const operationId = await openOperation(catalogue);
  const [stored] = await storeFiles(uploads, [{}]);
  const request = uploadRequest();
  await uploads.openUpload(request);
  const deleted = newFileId();
  await database.query(
    {
      text: `insert into tombstones values ($1, '', gen_random_uuid(), now(), gen_random_uuid(),
        'edit-01', '', '', '', 0, '')`,
    },
    [deleted],
  );
  const refused = [
    missingRow(stored!.fileId, { storageFilename: 'elsewhere' }),
    missingRow(newFileId(), stored),
    missingRow(request.fileId),
    missingRow(deleted),
  ].map((row, index) => (index === 1 ? { ...row, fileId: newFileId() } : row));
  const free = missingRow();
  const added = await rows.addRows(operationId, edit01, [...refused, free]);
  t.deepEqual(added, new Set([free.fileId]));
  t.is(await usedBytes(catalogue), 2 * 4096);
});

test('no row is added to a frozen element, or by an operation that has ended', async (t) => {
  await using catalogue = await openTestCatalogue();
  const rows = new PostgresElementRows(catalogue.database);
  const operationId = await openOperation(catalogue);
  const given = [missingRow()];
  for (const mode of ['ro', 'ar']) {
    await catalogue.database.query({ text: `update storage_elements set mode = $1` }, [mode]);
    t.is((await rows.addRows(operationId, edit01, given)).size, 0, mode);
  }
  await catalogue.database.query({ text: `update storage_elements set mode = 'rw'` });
  await catalogue.journal.finishOperation(operationId, ['pending'], { state: 'completed' });
  t.is((await rows.addRows(operationId, edit01, given)).size, 0);
  const another = await openOperation(catalogue);
  t.is((await rows.addRows(another, edit01, given)).size, 1);
});

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

test('a page, and a batch of locations, cost the same however many rows there are', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { database, url } = catalogue;
  await database.query({
    text: `insert into files (file_id, element_id, storage_path, storage_filename,
        original_filename, file_size, content_type, created_by_username, retention_policy,
        created_at, updated_at, revision, sidecar_digest, attributes)
      select gen_random_uuid(), 'edit-01', format('2025/%s/', n % 5), 'file ' || n, 'x', 1, 'x', 'x',
        'temporary', now(), now(), 1, '', '{}' from generate_series(1, 30000) n`,
  });
  const asked: { readonly text: string; readonly values: readonly unknown[] }[] = [];
  const rows = new PostgresElementRows({
    query({ text }, values = []) {
      asked.push({ text, values });
      return Promise.resolve([]);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const at = (number: number) => ({
    storagePath: `2025/${number % 5}/`,
    storageFilename: `file ${number}`,
  });
  await rows.listRows(edit01, { after: at(12_345), limit: 500 });
  await rows.findRecords(
    edit01,
    Array.from({ length: 500 }, (_, number) => at(number)),
  );
  await using explaining = openPool({ url, applicationName: 'explain', poolSize: 1 });
  for (const text of ['select 1', 'analyze']) {
    await database.query({ text });
    for (const { text, values } of asked) {
      const statement = { text: `explain (format json) ${text}` };
      const [row] = await explaining.query<{ 'QUERY PLAN': string }>(statement, values);
      const [{ Plan: plan }] = JSON.parse(row!['QUERY PLAN']) as [{ Plan: PlanNode }];
      t.deepEqual(indexesOnFiles(plan), ['files_by_location'], JSON.stringify(plan));
    }
  }
});

function indexesOnFiles(node: PlanNode): (string | undefined)[] {
  const own = node['Relation Name'] === 'files' ? [node['Index Name']] : [];
  return [...own, ...(node.Plans ?? []).flatMap(indexesOnFiles)];
}

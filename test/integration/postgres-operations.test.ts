import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { AccountId, OperationId } from '#domain/ids.ts';
import type { OperationListQuery } from '#domain/ports/operation-registry.ts';
import { buildOperationList, buildUploadList } from '#infra/postgres/operation-list-query.ts';
import { newOperationId } from '#test/support/change-harness.ts';
import {
  edit01,
  openTestCatalogue,
  rw01,
  type TestCatalogue,
} from '#test/support/open-test-catalogue.ts';
import { newAccountId, storeFiles, uploadRequest } from '#test/support/stored-files.ts';

const failure = { code: 'WORKFLOWS_UNAVAILABLE', detail: 'A fault of the test.' } as const;

async function openOperation(
  { journal }: TestCatalogue,
  more: {
    kind?: string;
    startedBy?: AccountId;
    subjectId?: string;
    elementId?: typeof edit01;
  } = {},
): Promise<OperationId> {
  const operationId = newOperationId();
  await journal.openOperation({
    operationId,
    kind: more.kind ?? 'reindexSearch',
    subject: { type: 'index', id: more.subjectId ?? 'files' },
    startedBy: more.startedBy ?? newAccountId(),
    workflowId: `reindex-search/${operationId}`,
    elementId: more.elementId ?? null,
    input: { batch_size: 500 },
  });
  return operationId;
}

test('an operation is written down from its beginning to its end', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { journal, operations } = catalogue;
  const operationId = await openOperation(catalogue);
  t.like(await operations.findOperation(operationId), {
    kind: 'reindexSearch',
    state: 'pending',
    progress: null,
    result: null,
    error: null,
    finishedAt: null,
  });
  for (const _ of [1, 2]) {
    t.deepEqual(await journal.beginOperation(operationId), { input: { batch_size: 500 } });
  }
  const progress = { done: 3, failed: 1, skipped: 0, total: 9 };
  await journal.recordProgress(operationId, progress, { phase: 'filling' });
  await journal.recordProgress(operationId, { ...progress, done: 4 });
  t.like(await operations.findOperation(operationId), {
    state: 'running',
    progress: { ...progress, done: 4 },
    result: { phase: 'filling' },
  });
  const ending = { state: 'completed', result: { indexed: 9 } } as const;
  t.true(await journal.finishOperation(operationId, ['running'], ending));
  t.false(await journal.finishOperation(operationId, ['running'], ending));
  await journal.recordProgress(operationId, progress);
  t.is(await journal.beginOperation(operationId), null);
  t.like(await operations.findOperation(operationId), {
    state: 'completed',
    progress: { ...progress, done: 4 },
    result: { indexed: 9 },
  });
  t.is(await journal.beginOperation(newOperationId()), null);
});

test('an operation ends only from the states that are named', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { journal } = catalogue;
  const operationId = await openOperation(catalogue);
  await journal.beginOperation(operationId);
  const ending = { state: 'failed', failure } as const;
  t.false(await journal.finishOperation(operationId, ['pending'], ending));
  t.true(await journal.finishOperation(operationId, ['pending', 'running'], ending));
  t.deepEqual(await journal.findStandings([operationId, newOperationId()]), [
    { operationId, state: 'failed', error: failure, isFinished: true },
  ]);
});

test('idle operations of an element and of none are found, those of others are not', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { journal } = catalogue;
  const own = await openOperation(catalogue, { elementId: edit01 });
  const nobodys = await openOperation(catalogue);
  await openOperation(catalogue, { elementId: rw01 });
  const ended = await openOperation(catalogue, { elementId: edit01 });
  await journal.finishOperation(ended, ['pending'], { state: 'completed' });
  const idle = await journal.findIdleOperations(edit01, 0);
  t.deepEqual(idle.map(({ operationId }) => operationId).toSorted(), [own, nobodys].toSorted());
  t.deepEqual(await journal.findIdleOperations(edit01, 3_600_000), []);
});

const everything: OperationListQuery = { filters: {}, limit: 100, after: null };

async function listAll(
  { operations }: TestCatalogue,
  filters: OperationListQuery['filters'],
  limit: number,
): Promise<OperationId[]> {
  const found: OperationId[] = [];
  let after: OperationListQuery['after'] = null;
  do {
    const page = await operations.listOperations({ filters, limit, after });
    found.push(...page.operations.map(({ operationId }) => operationId));
    if (page.operations.length > limit) throw new Error('a page is longer than its limit');
    after = page.next;
  } while (after !== null);
  return found;
}

test('uploads and other operations are one list, newest first, whatever the page', async (t) => {
  await using catalogue = await openTestCatalogue();
  for (let turn = 0; turn < 4; turn += 1) {
    await storeFiles(catalogue.uploads, [{}, {}]);
    await openOperation(catalogue);
    await openOperation(catalogue);
  }
  const { operations } = await catalogue.operations.listOperations(everything);
  t.is(operations.length, 16);
  const instants = operations.map(({ createdAt }) => createdAt);
  t.deepEqual(instants, instants.toSorted().toReversed());
  const ids = operations.map(({ operationId }) => operationId);
  for (const limit of [1, 3, 16, 17]) t.deepEqual(await listAll(catalogue, {}, limit), ids);
});

test('rows of one instant are neither lost nor repeated between pages', async (t) => {
  await using catalogue = await openTestCatalogue();
  await storeFiles(
    catalogue.uploads,
    Array.from({ length: 7 }, () => ({})),
  );
  for (let turn = 0; turn < 7; turn += 1) await openOperation(catalogue);
  const same = `'2026-01-01T00:00:00.000001Z'`;
  await catalogue.database.query({ text: `update uploads set created_at = ${same}` });
  await catalogue.database.query({ text: `update operations set created_at = ${same}` });
  const ids = await listAll(catalogue, {}, 4);
  t.is(new Set(ids).size, 14);
  t.deepEqual(ids, ids.toSorted().toReversed());
});

test('the list can be narrowed by kind, state, subject and account', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { journal, uploads } = catalogue;
  const me = newAccountId();
  const mine = await openOperation(catalogue, {
    startedBy: me,
    kind: 'deleteFile',
    subjectId: 'x',
  });
  const failed = await openOperation(catalogue);
  await journal.finishOperation(failed, ['pending'], { state: 'failed', failure });
  const [stored] = await storeFiles(uploads, [{}]);
  const receiving = uploadRequest({ accountId: me });
  await uploads.openUpload(receiving);
  const broken = uploadRequest();
  await uploads.openUpload(broken);
  await uploads.failUploads([broken.fileId], ['receiving'], failure);
  const list = async (filters: OperationListQuery['filters']): Promise<string[]> =>
    (await listAll(catalogue, filters, 100)).toSorted();
  const sorted = (...ids: string[]): string[] => ids.toSorted();
  const uploadIds = [stored!.fileId, receiving.fileId, broken.fileId];

  t.deepEqual(await list({ kind: 'storeFiles' }), sorted(...uploadIds));
  t.deepEqual(await list({ kind: 'deleteFile' }), [mine]);
  t.deepEqual(await list({ state: 'failed' }), sorted(failed, broken.fileId));
  t.deepEqual(await list({ state: 'pending' }), sorted(mine, receiving.fileId));
  t.deepEqual(await list({ state: 'completed' }), [stored!.fileId]);
  t.deepEqual(await list({ state: 'running' }), []);
  t.deepEqual(await list({ state: 'paused' }), []);
  t.deepEqual(await list({ startedBy: me }), sorted(mine, receiving.fileId));
  t.deepEqual(await list({ subjectId: 'x' }), [mine]);
  t.deepEqual(await list({ subjectId: stored!.fileId }), [stored!.fileId]);
  t.deepEqual(await list({ startedBy: me, state: 'pending', kind: 'storeFiles' }), [
    receiving.fileId,
  ]);
  t.deepEqual(await list({ startedBy: randomUUID() as AccountId }), []);
});

test('every page of the list comes from an index in its own order', async (t) => {
  await using catalogue = await openTestCatalogue();
  const me = newAccountId();
  await fillTables(catalogue, me);
  const after = { createdAt: '2026-01-01T00:00:00+00:00', operationId: newOperationId() } as never;
  const queries: OperationListQuery['filters'][] = [
    {},
    { kind: 'deleteFile' },
    { state: 'failed' },
    { startedBy: me },
    { subjectId: 'files' },
  ];
  for (const filters of queries) {
    const query = { filters, limit: 100, after };
    for (const statement of [buildOperationList(query), buildUploadList(query, 'u.file_id')]) {
      if (statement === null) continue;
      const rows = await catalogue.database.query<Record<string, string>>(
        { text: `explain ${statement.text}` },
        statement.values,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      t.regex(plan, /^Limit.*\n +-> +Index (?:Only )?Scan Backward/, plan);
    }
  }
});

/** Enough rows for the planner to see what an index is good for; one in a hundred is ours. */
async function fillTables({ database }: TestCatalogue, me: AccountId): Promise<void> {
  const start = `timestamptz '2025-06-01' + i * interval '1 minute'`;
  const account = `case when i % 100 = 0 then $1::uuid else gen_random_uuid() end`;
  await database.query(
    {
      text: `insert into operations (operation_id, kind, state, failure_code, failure_detail,
          subject_type, subject_id, started_by, workflow_id, created_at, finished_at)
        select gen_random_uuid(), case when i % 100 = 1 then 'deleteFile' else 'updateAttributes' end,
          case when i % 100 = 2 then 'failed' else 'completed' end,
          case when i % 100 = 2 then 'INTERNAL' end, case when i % 100 = 2 then 'x' end,
          'file', case when i % 100 = 3 then 'files' else i::text end, ${account}, 'w', ${start}, now()
        from generate_series(1, 20000) i`,
    },
    [me],
  );
  await database.query(
    {
      text: `insert into uploads (file_id, account_id, element_id, state, reserved_bytes,
          lease_owner, lease_expires_at, group_id, sidecar, sidecar_digest, storage_path,
          storage_filename, size_bytes, fingerprint, failure_code, failure_detail, created_at,
          finished_at)
        select gen_random_uuid(), ${account}, 'edit-01',
          case when i % 100 = 2 then 'failed' else 'stored' end, 0, 'x', now(), gen_random_uuid(),
          '{}', 'd', 'p/', 'n', 1, 'f', case when i % 100 = 2 then 'INTERNAL' end,
          case when i % 100 = 2 then 'x' end, ${start}, now()
        from generate_series(1, 20000) i`,
    },
    [me],
  );
  for (const table of ['operations', 'uploads']) await database.query({ text: `analyze ${table}` });
}

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { DomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { MigrationReport } from '#domain/migrations/migration-run.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import {
  migrationsPath as path,
  soundRequest,
  startMigrationEdge,
  type MigrationBody,
  type MigrationEdge,
} from '#test/support/migration-edge.ts';

let edge: MigrationEdge;
test.before(async () => {
  edge = await startMigrationEdge();
});
test.afterEach.always(() => {
  edge.migrations.asked.length = 0;
  edge.migrations.refuseWith = null;
});
test.after.always(() => edge[Symbol.asyncDispose]());

test.serial('202 with the operation, whose id is that of the migration', async (t) => {
  const { status, body, location } = await edge.start();
  t.is(status, 202);
  t.is(location, `/api/v1/operations/${body.operation_id}`);
  t.like(body, {
    kind: 'migrateAttributes',
    state: 'pending',
    subject: { type: 'migration', id: body.operation_id },
    links: { failures: `/api/v1/operations/${body.operation_id}/failures` },
  });
  t.like(edge.migrations.asked, {
    length: 1,
    0: {
      operationId: body.operation_id,
      request: {
        sourceVersion: '1.0',
        targetVersion: '2.0',
        selection: { elementId: null, createdFrom: null, createdTo: null, fileIds: null },
        mapping: {},
        mappingPolicy: 'refuse',
        template: null,
        batchSize: 1000,
        concurrency: 2,
        filesPerSecond: null,
        dryRun: false,
      },
    },
  });
});

test.serial('everything that can be said of a run', async (t) => {
  const schema = { type: 'object', properties: { department: { type: 'string' } } };
  for (let version = 1; version <= 2; version += 1) {
    const template = { name: 'contract', schema: { ...schema, title: `version ${version}` } };
    t.is((await edge.ask('POST', '/api/v1/schemas/templates', { sent: template })).status, 201);
  }
  const id = randomUUID();
  const { status } = await edge.ask('POST', path, {
    sent: `{ "source_version": "1.0", "target_version": "2.0", "batch_size": 5e2, "concurrency": 16.0,
      "files_per_second": 2.50, "dry_run": true, "template": "contract",
      "mapping": { "dept": "department", "a/b": "c" }, "mapping_policy": "keep",
      "selection": { "element_id": "edit-01", "file_ids": ["${id.toUpperCase()}", "${id}"],
        "created_at": { "from": "2025-01-01T00:00:00.123456789+03:00", "to": null } } }`,
  });
  t.is(status, 202);
  t.like(edge.migrations.asked, {
    0: {
      request: {
        selection: {
          elementId: 'edit-01',
          createdFrom: '2024-12-31T21:00:00.123456789+00:00',
          createdTo: null,
          fileIds: [id],
        },
        mapping: { dept: 'department', 'a/b': 'c' },
        mappingPolicy: 'keep',
        template: 'contract@2',
        batchSize: 500,
        concurrency: 16,
        filesPerSecond: 2.5,
        dryRun: true,
      },
    },
  });
});

test.serial('nulls say what absence says', async (t) => {
  const selection = { element_id: null, created_at: null, file_ids: null };
  t.is((await edge.start({ selection, template: null, files_per_second: null })).status, 202);
  t.is((await edge.start({ selection: { created_at: { from: null, to: null } } })).status, 202);
});

test.serial('what only the files can tell comes from the start itself', async (t) => {
  const empty = await edge.start({ selection: { file_ids: [] } });
  t.like(empty, { status: 422, body: { code: 'SELECTION_EMPTY' } });
  t.deepEqual(edge.migrations.asked, []);
  edge.migrations.refuseWith = new DomainError('SELECTION_EMPTY', 'It matches no file.');
  t.like(await edge.start(), { status: 422, body: { code: 'SELECTION_EMPTY' } });
  const operationId = randomUUID();
  edge.migrations.refuseWith = new DomainError(
    'OPERATION_IN_PROGRESS',
    'Another run works there.',
    {
      details: { operationId },
    },
  );
  t.like(await edge.start(), {
    status: 409,
    body: { code: 'OPERATION_IN_PROGRESS', operation_id: operationId },
  });
});

test.serial('an Idempotency-Key starts one run; another request cannot have it', async (t) => {
  const headers = { 'idempotency-key': randomUUID() };
  const first = await edge.ask('POST', path, { sent: soundRequest, headers });
  t.is(first.status, 202);
  t.is(
    (await edge.ask('POST', path, { sent: soundRequest, headers })).body.operation_id,
    first.body.operation_id,
  );
  t.is(edge.migrations.asked.length, 1);
  t.like(await edge.ask('POST', path, { sent: { ...soundRequest, dry_run: true }, headers }), {
    status: 422,
    body: { code: 'IDEMPOTENCY_KEY_REUSED' },
  });
  const revert = await edge.ask('POST', `${path}/${first.body.operation_id}/revert`, { headers });
  t.is(revert.body.code, 'IDEMPOTENCY_KEY_REUSED');
  t.is(edge.migrations.asked.length, 1);
});

const shard = {
  fromId: '00000000-0000-0000-0000-000000000000' as FileId,
  toId: 'ffffffff-ffff-ffff-ffff-ffffffffffff' as FileId,
  chunk: 1,
  position: null,
  passCount: 0,
  tallies: { dialects: { 'v1.0': 40 }, failures: { ATTRIBUTES_TOO_LARGE: 2 } },
};
const [one, other] = ['edit-01', 'rw-01'] as ElementId[];

function reportOf(id: string, change: Partial<MigrationReport>): void {
  const report = edge.migrations.reports.get(id);
  if (report === undefined || one === undefined || other === undefined) throw new Error(id);
  edge.migrations.reports.set(id, {
    ...report,
    skipped: { otherVersion: 5, frozen: 3 },
    shards: [
      {
        ...shard,
        shard: 0,
        elementId: one,
        state: 'running',
        planned: 100,
        done: 40,
        failed: 2,
        skipped: 0,
      },
      {
        ...shard,
        shard: 1,
        elementId: one,
        state: 'planned',
        planned: 100,
        done: 0,
        failed: 0,
        skipped: 0,
      },
      {
        ...shard,
        shard: 2,
        elementId: other,
        state: 'ended',
        planned: 8,
        done: 7,
        failed: 0,
        skipped: 1,
      },
    ],
    rate: 10,
    ...change,
  });
}

test.serial('a run as it stands: request, plan, counts, rate and time left', async (t) => {
  const id = await edge.startRun({ mapping: { a: 'b' }, files_per_second: 50 });
  const planning = await edge.ask('GET', `${path}/${id}`);
  t.like(planning, { status: 200, body: { progress: null, skipped: null, seconds_left: null } });
  reportOf(id, {});
  const { body } = await edge.ask('GET', `${path}/${id}`);
  t.like(body, {
    operation_id: id,
    kind: 'migrateAttributes',
    action: 'migrate',
    of_run: null,
    source: 'catalogue',
    request: {
      ...soundRequest,
      selection: { element_id: null, created_at: { from: null, to: null } },
      mapping: { a: 'b' },
      mapping_policy: 'refuse',
      template: null,
      batch_size: 1000,
    },
    dry_run: false,
    concurrency: 2,
    files_per_second: 50,
    progress: { done: 47, failed: 2, skipped: 9, total: 216 },
    rate: 10,
    seconds_left: 16,
    dialects: { 'v1.0': 120 },
    failures: { ATTRIBUTES_TOO_LARGE: 6 },
    elements: [
      { element_id: 'edit-01', shards: 2, planned: 200, done: 40, failed: 2, skipped: 0 },
      { element_id: 'rw-01', shards: 1, planned: 8, done: 7, failed: 0, skipped: 1 },
    ],
    links: { self: `${path}/${id}`, operation: `/api/v1/operations/${id}` },
  });
  t.is((body['shards'] as unknown[]).length, 3);
  reportOf(id, { isPaused: true });
  t.is((await edge.ask('GET', `${path}/${id}`)).body['seconds_left'], null);
  reportOf(id, {});
  await edge.endRun(id);
  t.is((await edge.ask('GET', `${path}/${id}`)).body['seconds_left'], null);
});

test.serial('the list has runs only, newest first, page by page', async (t) => {
  const { token, accountId } = await edge.api.createClient('OPERATOR');
  const made: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    const response = await edge.api.fetch(path, {
      method: 'POST',
      token,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(soundRequest),
    });
    made.push(((await response.json()) as MigrationBody).operation_id);
  }
  const row = `insert into operations
      (operation_id, kind, state, subject_type, subject_id, started_by, workflow_id)
    values ($1::uuid, 'deleteFile', 'running', 'file', $1::text, $2, 'delete-file/' || $1::text)`;
  await edge.api.database.query({ text: row }, [randomUUID(), accountId]);
  const first = await edge.ask('GET', `${path}?started_by=${accountId}&limit=2`);
  const second = await edge.ask(
    'GET',
    `${path}?started_by=${accountId}&limit=2&cursor=${first.body.next_cursor}`,
  );
  const seen = [...(first.body.items ?? []), ...(second.body.items ?? [])];
  t.deepEqual(
    seen.map(({ operation_id: id }) => id),
    made.toReversed(),
  );
  t.is(second.body.next_cursor, null);
  t.is(
    (await edge.ask('GET', `${path}?started_by=${accountId}&state=paused`)).body.items?.length,
    0,
  );
  t.is((await edge.ask('GET', `${path}?kind=deleteFile`)).status, 422);
  t.is((await edge.ask('GET', `${path}?cursor=AAAA`)).status, 400);
});

test.serial('failures page by page, at both addresses the same', async (t) => {
  const id = await edge.startRun();
  const failures = new PostgresOperationFailures(edge.api.database);
  const ids = Array.from({ length: 3 }, () => randomUUID() as FileId).toSorted();
  await failures.recordFailures(
    edge.migrations.reports.get(id)!.run.operationId,
    ids.map((fileId) => ({
      key: fileId,
      fileId,
      elementId: 'edit-01' as ElementId,
      path: `2026/01/13/08/${fileId}`,
      code: 'ATTRIBUTES_TOO_LARGE',
      detail: 'The attributes take 4100 bytes; at most 4096 are possible.',
    })),
  );
  for (const list of [`${path}/${id}/failures`, `/api/v1/operations/${id}/failures`]) {
    const first = await edge.ask('GET', `${list}?limit=2`);
    const second = await edge.ask('GET', `${list}?limit=2&cursor=${first.body.next_cursor}`);
    const seen = [...(first.body.items ?? []), ...(second.body.items ?? [])];
    t.deepEqual(
      seen.map((item) => item.file_id),
      ids,
    );
    t.is(second.body.next_cursor, null);
    t.like(seen[0], { element_id: 'edit-01', code: 'ATTRIBUTES_TOO_LARGE' });
  }
});

test.serial('retry and revert are operations of their own', async (t) => {
  const id = await edge.startRun();
  for (const action of ['retry', 'revert']) {
    for (const sent of [undefined, {}]) {
      const { status, body, location } = await edge.ask('POST', `${path}/${id}/${action}`, {
        sent: sent,
      });
      t.is(status, 202);
      t.not(body.operation_id, id);
      t.is(location, `/api/v1/operations/${body.operation_id}`);
      const shown = await edge.ask('GET', `${path}/${body.operation_id}`);
      t.like(shown.body, { action, of_run: id });
    }
    const wrong = await edge.ask('POST', `${path}/${id}/${action}`, { sent: { file_ids: [] } });
    t.like(wrong, { status: 422, body: { errors: [{ pointer: '/file_ids' }] } });
  }
  t.deepEqual(edge.migrations.asked.slice(1), [
    { retry: id },
    { retry: id },
    { revert: id },
    { revert: id },
  ]);
  edge.migrations.refuseWith = new DomainError('OPERATION_STATE_FORBIDS', 'It is still running.');
  t.like(await edge.ask('POST', `${path}/${id}/revert`), {
    status: 409,
    body: { code: 'OPERATION_STATE_FORBIDS' },
  });
});

test.serial('the pace of a run can be changed while it goes on', async (t) => {
  const id = await edge.startRun({ concurrency: 4, files_per_second: 100 });
  const url = `${path}/${id}`;
  const slower = await edge.ask('PATCH', url, { sent: { files_per_second: 5.0 } });
  t.like(slower, { status: 200, body: { files_per_second: 5, concurrency: 4 } });
  const wider = await edge.ask('PATCH', url, {
    sent: { concurrency: 1 },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  t.like(wider, { status: 200, body: { files_per_second: 5, concurrency: 1 } });
  const free = await edge.ask('PATCH', url, { sent: { files_per_second: null } });
  t.like(free, { status: 200, body: { files_per_second: null, concurrency: 1 } });
  t.is((await edge.ask('PATCH', url, { sent: {} })).status, 200);
  t.is(edge.migrations.asked.length, 4, 'a patch of nothing changes nothing');
  for (const [change, pointers] of [
    [{ concurrency: 0, files_per_second: 0 }, ['/concurrency', '/files_per_second']],
    [{ concurrency: null }, ['/concurrency']],
    [{ batch_size: 1000 }, ['/batch_size']],
    [[], ['']],
  ] as const) {
    const { status, body } = await edge.ask('PATCH', url, { sent: change });
    t.is(status, 422);
    t.deepEqual(body.errors?.map(({ pointer }) => pointer).toSorted(), [...pointers]);
  }
  await edge.endRun(id);
  t.like(await edge.ask('PATCH', url, { sent: { concurrency: 2 } }), {
    status: 409,
    body: { code: 'OPERATION_STATE_FORBIDS' },
  });
  t.is(edge.migrations.asked.length, 4);
});

test.serial(
  'pause and resume reach the run; in a state that knows none they are refused',
  async (t) => {
    const id = await edge.startRun();
    const paused = await edge.ask('POST', `/api/v1/operations/${id}/pause`);
    t.like(paused, { status: 202, body: { operation_id: id } });
    t.is((await edge.ask('POST', `/api/v1/operations/${id}/resume`)).status, 409);
    await edge.api.database.query(
      { text: `update operations set state = 'paused' where operation_id = $1` },
      [id],
    );
    t.is((await edge.ask('POST', `/api/v1/operations/${id}/resume`)).status, 202);
    t.deepEqual(edge.migrations.asked.slice(1), [{ pause: id }, { resume: id }]);
  },
);

test.serial('what is no migration is not found', async (t) => {
  const fileOperation = randomUUID();
  const row = `insert into operations
      (operation_id, kind, state, subject_type, subject_id, started_by, workflow_id)
    values ($1::uuid, 'deleteFile', 'running', 'file', $1::text, $2, 'delete-file/' || $1::text)`;
  await edge.api.database.query({ text: row }, [fileOperation, randomUUID()]);
  for (const id of [randomUUID(), fileOperation, 'nonsense']) {
    for (const [method, url, body] of [
      ['GET', `${path}/${id}`, undefined],
      ['GET', `${path}/${id}/failures`, undefined],
      ['POST', `${path}/${id}/retry`, undefined],
      ['POST', `${path}/${id}/revert`, undefined],
      ['PATCH', `${path}/${id}`, {}],
    ] as const) {
      const answer = await edge.ask(method, url, { sent: body });
      t.like(answer, { status: 404, body: { code: 'OPERATION_NOT_FOUND' } }, `${method} ${url}`);
    }
  }
});

import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { operationsPath } from '#api/operations/present-operation.ts';
import {
  patchFile,
  readSidecar,
  storeFile,
  type Answer,
  type StoredFile,
} from '#test/support/api-files.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { readElement } from '#test/support/independent-reader.ts';
import { startWorkflowApi, type WorkflowApi } from '#test/support/workflow-api.ts';

/** The API over real workflows: requests come in as callers send them, workers do the work. */
let temporal: TemporalHarness;
let system: WorkflowApi;
let patient: WorkflowApi;
const running = new AsyncDisposableStack();
test.before(async () => {
  temporal = running.use(await openTemporalHarness());
  system = running.use(await startWorkflowApi(temporal));
  running.use(await system.startWorkers());
  patient = running.use(await startWorkflowApi(temporal, { deletionGraceMs: 600_000 }));
  running.use(await patient.startWorkers());
});
test.after.always(() => running[Symbol.asyncDispose]());

interface OperationJson {
  readonly operation_id: string;
  readonly kind: string;
  readonly state: string;
  readonly error: { readonly code: string } | null;
  readonly progress: Readonly<Record<string, number>> | null;
  readonly result: { readonly items: readonly Readonly<Record<string, unknown>>[] } | null;
}

async function ask(
  { api }: WorkflowApi,
  path: string,
  init: RequestInit & { token?: string } = {},
): Promise<Answer> {
  const response = await api.fetch(path, init);
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    body: (await response.json()) as Answer['body'],
  };
}

async function awaitEnd(where: WorkflowApi, id: unknown): Promise<OperationJson> {
  let operation: OperationJson | null = null;
  await until('the operation has ended', async () => {
    const { body } = await ask(where, `${operationsPath}/${String(id)}`);
    operation = body as unknown as OperationJson;
    return ['completed', 'failed', 'cancelled'].includes(operation.state);
  });
  if (operation === null) throw new Error('it never answered');
  return operation;
}

const deleteFile = (where: WorkflowApi, { path }: StoredFile, token?: string) =>
  ask(where, path, { method: 'DELETE', ...(token !== undefined && { token }) });

test('50 patches with one ETag at once: one wins, the others learn why not', async (t) => {
  const stored = await storeFile(system.api);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      patchFile(system.api, stored, { description: `patch ${index}`, tags: [`t${index}`] }),
    ),
  );
  const winners = answers.filter(({ status }) => status === 200);
  t.is(winners.length, 1, JSON.stringify(answers.map(({ status }) => status)));
  const [winner] = winners;
  for (const { status, body } of answers.filter((answer) => answer !== winner)) {
    if (status === 412) t.is(body['code'], 'PRECONDITION_FAILED');
    else {
      t.is(status, 409, JSON.stringify(body));
      t.is(body['code'], 'FILE_BUSY');
      const holder = await ask(system, `${operationsPath}/${String(body['operation_id'])}`);
      t.like(holder.body, { kind: 'updateAttributes', subject: { id: stored.file.file_id } });
    }
  }
  const read = await ask(system, stored.path);
  t.deepEqual(read.body, winner?.body);
  t.is(read.etag, winner?.etag ?? '');
  t.is(read.body['revision'], 2);
  t.like(JSON.parse((await readSidecar(stored)).toString()), {
    description: read.body['description'],
    tags: read.body['tags'],
    revision: 2,
  });
});

test('a patch is there for the next reader, and its operation is completed', async (t) => {
  const stored = await storeFile(system.api);
  const answer = await patchFile(system.api, stored, { description: 'Новое описание' });
  t.is(answer.status, 200, JSON.stringify(answer.body));
  const read = await ask(system, stored.path);
  t.deepEqual(read.body, answer.body);
  const sidecar = await system.api.fetch(`${stored.path}/attributes`);
  t.is(sidecar.headers.get('etag'), answer.etag);
  t.like(await sidecar.json(), { description: 'Новое описание', revision: 2 });
  const list = await ask(
    system,
    `${operationsPath}?kind=updateAttributes&subject_id=${stored.file.file_id}`,
  );
  const [operation] = list.body['items'] as readonly OperationJson[];
  t.like(operation, { state: 'completed', error: null });
  const again = await patchFile(system.api, stored, { description: 'x' }, { ifMatch: answer.etag });
  t.like(again.body, { description: 'x', revision: 3 });
});

test('what is sent to a file that is being changed from outside is refused', async (t) => {
  const stored = await storeFile(system.api);
  const changed = (await readSidecar(stored))
    .toString()
    .replace('"content_type"', ' "content_type"');
  await writeFile(stored.sidecarPath, changed);
  const answer = await patchFile(system.api, stored, { description: 'x' });
  t.true(answer.status >= 400, JSON.stringify(answer.body));
  t.is((await readSidecar(stored)).toString(), changed);
});

test('a deleted file is gone for readers at once, and from the disk when its operation ends', async (t) => {
  const stored = await storeFile(system.api);
  const answer = await deleteFile(system, stored);
  t.is(answer.status, 202, JSON.stringify(answer.body));
  t.like(answer.body, { kind: 'deleteFile', subject: { type: 'file', id: stored.file.file_id } });
  const reader = await system.api.createClient('READONLY');
  for (const path of [stored.path, `${stored.path}/content`, `${stored.path}/attributes`]) {
    t.is((await ask(system, path, { token: reader.token })).status, 404);
    t.like((await ask(system, path)).body, { status: 410, code: 'FILE_DELETED' });
  }
  t.like(await awaitEnd(system, answer.body['operation_id']), { state: 'completed', error: null });
  await t.throwsAsync(readFile(stored.sidecarPath), { code: 'ENOENT' });
  await t.throwsAsync(readFile(stored.sidecarPath.replace(/\.attr\.json$/, '')), {
    code: 'ENOENT',
  });
  const report = await readElement(system.api.rootOf(system.editId));
  t.deepEqual([report.content_without_sidecar, report.sidecar_without_content], [[], []]);
  t.is((await ask(system, stored.path, { token: reader.token })).status, 404);
  const gone = await ask(system, stored.path);
  t.is(gone.status, 410);
  t.regex(String(gone.body['deleted_at']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.like((await deleteFile(system, stored)).body, { status: 404, code: 'FILE_NOT_FOUND' });
});

test('retention forbids a deletion, for an administrator too', async (t) => {
  const stored = await storeFile(system.api);
  const retention = { retain_until: '2050-01-01T00:00:00Z' };
  t.is((await patchFile(system.api, stored, { retention })).status, 200);
  const answer = await deleteFile(system, stored);
  t.like(answer.body, { status: 409, code: 'RETENTION_FORBIDS_DELETION' });
  t.is((await ask(system, stored.path)).status, 200);
});

test('a batch has an outcome for each file, in the order of the request', async (t) => {
  const user = await system.api.createClient('USER');
  const own = await storeFile(system.api, { token: user.token });
  const foreign = await storeFile(system.api);
  const permanent = await storeFile(system.api, {
    token: user.token,
    query: '&retention_policy=permanent',
  });
  const unknown = '00000000-0000-4000-8000-000000000000';
  const ids = [own.file.file_id, foreign.file.file_id, unknown, permanent.file.file_id];
  const answer = await ask(system, '/api/v1/files/batch-delete', {
    method: 'POST',
    token: user.token,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ file_ids: ids }),
  });
  t.is(answer.status, 202, JSON.stringify(answer.body));
  t.like(answer.body, { kind: 'batchDelete', started_by: user.accountId });
  const operation = await awaitEnd(system, answer.body['operation_id']);
  t.is(operation.state, 'completed');
  t.deepEqual(operation.progress, { done: 1, failed: 3, skipped: 0, total: 4 });
  t.deepEqual(
    operation.result?.items.map((item) => [item['file_id'], item['outcome'], item['code']]),
    [
      [ids[0], 'deleted', null],
      [ids[1], 'failed', 'FORBIDDEN'],
      [ids[2], 'failed', 'FILE_NOT_FOUND'],
      [ids[3], 'failed', 'MODE_FORBIDS_OPERATION'],
    ],
  );
  t.is((await ask(system, own.path, { token: user.token })).status, 404);
  t.is((await ask(system, foreign.path)).status, 200);
  t.is((await ask(system, permanent.path)).status, 200);
});

test('within its grace period a deletion is one operation, and its cancel brings the file back', async (t) => {
  const { api } = patient;
  const reader = await api.createClient('READONLY');
  const stored = await storeFile(api);
  const first = await deleteFile(patient, stored);
  t.is(first.status, 202, JSON.stringify(first.body));
  const again = await deleteFile(patient, stored);
  t.is(again.status, 202);
  t.is(again.body['operation_id'], first.body['operation_id']);
  t.is((await ask(patient, stored.path, { token: reader.token })).status, 404);
  const path = `${operationsPath}/${String(first.body['operation_id'])}`;
  t.is((await ask(patient, `${path}/pause`, { method: 'POST' })).status, 409);
  t.is((await ask(patient, `${path}/cancel`, { method: 'POST' })).status, 202);
  t.is((await awaitEnd(patient, first.body['operation_id'])).state, 'cancelled');
  const back = await ask(patient, stored.path, { token: reader.token });
  t.is(back.status, 200);
  t.is(back.etag, stored.etag);
  const after = await ask(patient, `${path}/cancel`, { method: 'POST' });
  t.like(after.body, { status: 409, code: 'OPERATION_STATE_FORBIDS' });
});

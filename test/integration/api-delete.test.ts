import test from 'ava';
import { patchFile, storeFile, type Answer } from '#test/support/api-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

async function deleteFile(
  path: string,
  { ifMatch, token }: { readonly ifMatch?: string; readonly token?: string } = {},
): Promise<Answer & { readonly location: string | null }> {
  const response = await api.fetch(path, {
    method: 'DELETE',
    headers: { ...(ifMatch !== undefined && { 'If-Match': ifMatch }) },
    ...(token !== undefined && { token }),
  });
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    location: response.headers.get('location'),
    body: (await response.json()) as Answer['body'],
  };
}

const codeOf = async (path: string, token?: string) => {
  const response = await api.fetch(path, token === undefined ? {} : { token });
  const { code } = (await response.json()) as { code?: string };
  return `${response.status} ${code ?? ''}`;
};

test('a deletion is an operation, and readers find the file no longer', async (t) => {
  const reader = await api.createClient('READONLY');
  const stored = await storeFile(api);
  const answer = await deleteFile(stored.path);
  t.is(answer.status, 202);
  t.like(answer.body, { kind: 'deleteFile', subject: { type: 'file', id: stored.file.file_id } });
  t.is(answer.location, `/api/v1/operations/${String(answer.body['operation_id'])}`);
  for (const path of ['', '/content', '/attributes']) {
    t.is(await codeOf(`${stored.path}${path}`, reader.token), '404 FILE_NOT_FOUND');
    const head = await api.fetch(`${stored.path}${path}`, { method: 'HEAD', token: reader.token });
    t.is(head.status, 404);
  }
  const list = await api.fetch('/api/v1/files', { token: reader.token });
  t.false((await list.text()).includes(stored.file.file_id));
  t.is((await patchFile(api, stored, { version: '2' })).status, 404);
});

test('whoever may see audit data learns when it went', async (t) => {
  const auditor = await api.createClient('AUDITOR');
  const narrow = await api.createClient('ADMIN', ['files:read']);
  const operator = await api.createClient('OPERATOR');
  const running = await storeFile(api);
  await deleteFile(running.path);
  const gone = '00000000-0000-4000-8000-00000000dead';
  await api.database.query({
    text: `insert into tombstones (file_id, checksum, deleted_by, deleted_at, operation_id,
        element_id, storage_path, storage_filename, original_filename, file_size, sidecar_digest)
      values ('${gone}', '', gen_random_uuid(), '2026-03-01T10:00:00.123456Z', gen_random_uuid(),
        'edit-01', '', '', '', 0, '')`,
  });
  for (const path of [running.path, `/api/v1/files/${gone}`]) {
    for (const place of ['', '/content', '/attributes']) {
      t.is(await codeOf(`${path}${place}`, auditor.token), '410 FILE_DELETED');
      t.is((await api.fetch(`${path}${place}`, { method: 'HEAD' })).status, 410);
      t.is(await codeOf(`${path}${place}`, narrow.token), '404 FILE_NOT_FOUND');
      t.is(await codeOf(`${path}${place}`, operator.token), '404 FILE_NOT_FOUND');
    }
  }
  const problem = await (await api.fetch(`/api/v1/files/${gone}`)).json();
  t.like(problem, { status: 410, deleted_at: '2026-03-01T10:00:00.123456Z' });
  t.is(await codeOf('/api/v1/files/00000000-0000-4000-8000-000000000000'), '404 FILE_NOT_FOUND');
});

test('a USER deletes own files only, and needs the scope', async (t) => {
  const owner = await api.createClient('USER');
  const other = await api.createClient('USER');
  const narrow = await api.createClient('ADMIN', ['files:read', 'files:write']);
  const stored = await storeFile(api, { token: owner.token });
  for (const { token } of [other, narrow]) {
    t.like((await deleteFile(stored.path, { token })).body, { status: 403, code: 'FORBIDDEN' });
  }
  t.is(await codeOf(stored.path), '200 ');
  t.is((await deleteFile(stored.path, { token: owner.token })).status, 202);
});

test('the second time: the same operation while it runs, for those who may see it', async (t) => {
  const owner = await api.createClient('USER');
  const other = await api.createClient('USER');
  const stored = await storeFile(api, { token: owner.token });
  const first = await deleteFile(stored.path, { token: owner.token });
  for (const token of [owner.token, undefined]) {
    const again = await deleteFile(stored.path, token === undefined ? {} : { token });
    t.is(again.status, 202);
    t.is(again.body['operation_id'], first.body['operation_id']);
  }
  t.is((await deleteFile(stored.path, { token: other.token })).status, 404);
  await api.database.query(
    {
      text: `update operations set state = 'completed', finished_at = now()
        where operation_id = $1`,
    },
    [first.body['operation_id']],
  );
  for (const token of [owner.token, undefined]) {
    const after = await deleteFile(stored.path, token === undefined ? {} : { token });
    t.like(after.body, { status: 404, code: 'FILE_NOT_FOUND' });
  }
});

test('If-Match is optional; a stale one is refused', async (t) => {
  const stored = await storeFile(api);
  const { etag } = await patchFile(api, stored, { version: '2' });
  for (const ifMatch of [stored.etag, `W/${String(etag)}`, '"x"']) {
    t.like((await deleteFile(stored.path, { ifMatch })).body, {
      status: 412,
      code: 'PRECONDITION_FAILED',
    });
  }
  t.is(await codeOf(stored.path), '200 ');
  t.is((await deleteFile(stored.path, { ifMatch: etag ?? '' })).status, 202);
  const another = await storeFile(api);
  t.is((await deleteFile(another.path, { ifMatch: '*' })).status, 202);
});

test('nobody deletes on an element whose mode forbids it', async (t) => {
  const stored = await storeFile(api, { query: '&retention_policy=permanent' });
  t.like((await deleteFile(stored.path)).body, {
    status: 409,
    code: 'MODE_FORBIDS_OPERATION',
    mode: 'rw',
    operation: 'delete',
  });
  t.is(await codeOf(stored.path), '200 ');
});

const id = (digit: number) => `00000000-0000-4000-8000-${String(digit).padStart(12, '0')}`;

for (const [title, body, status, code, pointers] of [
  ['no object', [id(1)], 422, 'REQUEST_INVALID', ['']],
  ['nothing in it', {}, 422, 'REQUEST_INVALID', ['/file_ids']],
  ['no list', { file_ids: id(1) }, 422, 'REQUEST_INVALID', ['/file_ids']],
  ['an empty list', { file_ids: [] }, 422, 'REQUEST_INVALID', ['/file_ids']],
  [
    'too many',
    { file_ids: Array.from({ length: 101 }, (_, i) => id(i)) },
    422,
    'REQUEST_INVALID',
    ['/file_ids'],
  ],
  [
    'what is no id',
    { file_ids: [id(1), 'x', 7, null] },
    422,
    'REQUEST_INVALID',
    ['/file_ids/1', '/file_ids/2', '/file_ids/3'],
  ],
  ['one twice', { file_ids: [id(10), id(11), id(10)] }, 422, 'REQUEST_INVALID', ['/file_ids/2']],
  ['an unknown member', { file_ids: [id(1)], force: true }, 422, 'REQUEST_INVALID', ['/force']],
  ['broken JSON', '{"file_ids":[', 400, 'REQUEST_MALFORMED', ['']],
  ['more than a megabyte', ' '.repeat(1_048_577), 413, 'BODY_TOO_LARGE', []],
] as const) {
  test(`a batch is refused as a whole: ${title}`, async (t) => {
    const response = await api.fetch('/api/v1/files/batch-delete', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const problem = (await response.json()) as { code: string; errors?: { pointer: string }[] };
    t.is(response.status, status);
    t.is(problem.code, code);
    t.deepEqual(
      (problem.errors ?? []).map(({ pointer }) => pointer),
      [...pointers],
    );
  });
}

test('a batch is JSON, and says so', async (t) => {
  const response = await api.fetch('/api/v1/files/batch-delete', {
    method: 'POST',
    body: JSON.stringify({ file_ids: [id(1)] }),
  });
  t.is(response.status, 415);
  await response.arrayBuffer();
});

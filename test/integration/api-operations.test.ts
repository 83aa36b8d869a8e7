import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { Operation } from '#domain/operations.ts';
import { storeFile } from '#test/support/api-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
/** What the API has asked to be cancelled. */
const cancelled: Operation[] = [];
test.before(async () => {
  api = await startTestApi(({ lifecycle }) => ({
    lifecycle: {
      ...lifecycle,
      cancelOperation: (operation) => {
        cancelled.push(operation);
        return Promise.resolve();
      },
    },
  }));
});
test.after.always(() => api[Symbol.asyncDispose]());

interface OperationJson {
  readonly operation_id: string;
  readonly kind: string;
  readonly state: string;
  readonly started_by: string;
  readonly workflow_url: string | null;
}

interface Page {
  readonly items: readonly OperationJson[];
  readonly next_cursor: string | null;
  readonly code?: string;
}

async function list(query: string, token?: string): Promise<Page & { readonly status: number }> {
  const options = token === undefined ? {} : { token };
  const response = await api.fetch(`/api/v1/operations?${query}`, options);
  return { status: response.status, ...((await response.json()) as Page) };
}

interface Made {
  readonly kind?: string;
  readonly state?: string;
  readonly startedBy?: string;
  readonly subject?: { readonly type: string; readonly id: string };
  readonly result?: object;
}

/** Operations are written by workflows; here only their rows are needed. */
async function makeOperation(made: Made = {}): Promise<string> {
  const {
    kind = 'deleteFile',
    state = 'running',
    startedBy = randomUUID(),
    subject = { type: 'file', id: randomUUID() },
    result = null,
  } = made;
  const id = randomUUID();
  const isFinished = ['completed', 'failed', 'cancelled'].includes(state);
  await api.database.query(
    {
      text: `insert into operations (operation_id, kind, state, subject_type, subject_id,
          started_by, workflow_id, result, failure_code, failure_detail, finished_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8::json, $9, $10, case when $11 then now() end)`,
    },
    [
      id,
      kind,
      state,
      subject.type,
      subject.id,
      startedBy,
      `some-workflow/${id}`,
      result === null ? null : JSON.stringify(result),
      state === 'failed' ? 'FILE_NOT_FOUND' : null,
      state === 'failed' ? 'It was not there.' : null,
      isFinished,
    ],
  );
  return id;
}

test('newest first, page by page, each once; a cursor belongs to its filters', async (t) => {
  const startedBy = randomUUID();
  const made: string[] = [];
  for (let count = 0; count < 5; count += 1) made.push(await makeOperation({ startedBy }));
  const seen: string[] = [];
  let cursor = '';
  for (let pages = 0; pages < 4; pages += 1) {
    const page = await list(`started_by=${startedBy}&limit=2${cursor}`);
    t.is(page.status, 200);
    seen.push(...page.items.map(({ operation_id: id }) => id));
    if (page.next_cursor === null) break;
    // What comes meanwhile is newer and moves nothing.
    await makeOperation({ startedBy });
    cursor = `&cursor=${page.next_cursor}`;
    for (const query of [`state=failed${cursor}`, cursor.slice(1), 'cursor=AAAA', 'cursor=']) {
      const refused = await list(query);
      t.is(refused.status, 400, query);
      t.is(refused.code, 'CURSOR_INVALID');
    }
  }
  t.deepEqual(seen, made.toReversed());
});

test('filters', async (t) => {
  const startedBy = randomUUID();
  const subject = { type: 'file', id: randomUUID() };
  const failed = await makeOperation({ startedBy, subject, state: 'failed', kind: 'deleteFile' });
  const batch = await makeOperation({ startedBy, kind: 'batchDelete' });
  for (const [query, expected] of [
    [`started_by=${startedBy}`, [batch, failed]],
    [`started_by=${startedBy.toUpperCase()}&kind=batchDelete`, [batch]],
    [`subject_id=${subject.id}`, [failed]],
    [`subject_id=${subject.id}&state=failed&kind=deleteFile`, [failed]],
    [`subject_id=${subject.id}&state=running`, []],
    [`started_by=${startedBy}&kind=nonsense`, []],
  ] as const) {
    const page = await list(query);
    t.deepEqual(
      page.items.map(({ operation_id: id }) => id),
      [...expected],
      query,
    );
  }
  for (const query of ['state=done', 'limit=0', 'limit=1001', 'started_by=me', 'colour=red']) {
    t.is((await list(query)).status, 422, query);
  }
});

test('an upload stands in the list like everything else', async (t) => {
  const user = await api.createClient('USER');
  const { file } = await storeFile(api, { token: user.token });
  const page = await list(`subject_id=${file.file_id}`, user.token);
  t.like(page.items[0], {
    operation_id: file.file_id,
    kind: 'storeFiles',
    state: 'completed',
    started_by: user.accountId,
  });
  t.is((await list('kind=storeFiles&state=completed', user.token)).items.length, 1);
});

test('a USER sees own operations only, an AUDITOR all and changes none', async (t) => {
  const user = await api.createClient('USER');
  const auditor = await api.createClient('AUDITOR');
  const own = await makeOperation({ startedBy: user.accountId });
  const foreign = await makeOperation();
  const page = await list('limit=1000', user.token);
  t.deepEqual(
    page.items.map(({ operation_id: id }) => id),
    [own],
  );
  t.deepEqual((await list(`started_by=${randomUUID()}`, user.token)).items, []);
  t.true((await list('limit=1000', auditor.token)).items.length >= 2);
  const status = async (id: string, token: string, verb = '') => {
    const method = verb === '' ? 'GET' : 'POST';
    const response = await api.fetch(`/api/v1/operations/${id}${verb}`, { method, token });
    await response.arrayBuffer();
    return response.status;
  };
  t.is(await status(foreign, user.token), 404);
  t.is(await status(foreign, user.token, '/cancel'), 404);
  t.is(await status(foreign, auditor.token), 200);
  t.is(await status(foreign, auditor.token, '/cancel'), 403);
  t.is(await status(own, user.token, '/cancel'), 202);
});

test('what an operation shows', async (t) => {
  const items = [{ file_id: randomUUID(), outcome: 'deleted' }];
  const id = await makeOperation({ kind: 'batchDelete', state: 'completed', result: { items } });
  const shown = (await (await api.fetch(`/api/v1/operations/${id}`)).json()) as object;
  t.like(shown, {
    result: { items },
    error: null,
    workflow_id: `some-workflow/${id}`,
    workflow_url: `http://temporal.test/some-workflow/${id}`,
  });
  const failed = await makeOperation({ state: 'failed' });
  t.like(await (await api.fetch(`/api/v1/operations/${failed}`)).json(), {
    result: null,
    error: { code: 'FILE_NOT_FOUND', detail: 'It was not there.', status: 404 },
  });
});

for (const [kind, state, control, isPermitted] of [
  ['deleteFile', 'running', 'cancel', true],
  ['deleteFile', 'pending', 'cancel', true],
  ['batchDelete', 'running', 'cancel', true],
  ['updateAttributes', 'running', 'cancel', true],
  ['reindexSearch', 'running', 'cancel', true],
  ['storeFiles', 'running', 'cancel', false],
  ['someday', 'running', 'cancel', false],
  ['deleteFile', 'completed', 'cancel', false],
  ['deleteFile', 'failed', 'cancel', false],
  ['deleteFile', 'cancelled', 'cancel', false],
  ['deleteFile', 'running', 'pause', false],
  ['batchDelete', 'running', 'pause', false],
  ['batchDelete', 'paused', 'resume', false],
] as const) {
  test(`${control} of ${kind}, ${state}: ${isPermitted ? 'asked for' : 'forbidden'}`, async (t) => {
    const id = await makeOperation({ kind, state });
    const path = `/api/v1/operations/${id}/${control}`;
    const response = await api.fetch(path, { method: 'POST' });
    const body = (await response.json()) as Record<string, unknown>;
    const isAsked = cancelled.some(({ operationId }) => operationId === id);
    t.is(isAsked, isPermitted);
    if (isPermitted) {
      t.is(response.status, 202);
      t.is(response.headers.get('location'), `/api/v1/operations/${id}`);
      t.is(body['operation_id'], id);
    } else {
      t.is(response.status, 409);
      t.is(body['code'], 'OPERATION_STATE_FORBIDS');
    }
  });
}

test('the cancel of an upload is refused; an unknown operation is not found', async (t) => {
  const { file } = await storeFile(api);
  const upload = await api.fetch(`/api/v1/operations/${file.file_id}/cancel`, { method: 'POST' });
  t.is(upload.status, 409);
  await upload.arrayBuffer();
  const unknown = await api.fetch(`/api/v1/operations/${randomUUID()}/cancel`, { method: 'POST' });
  t.like(await unknown.json(), { status: 404, code: 'OPERATION_NOT_FOUND' });
});

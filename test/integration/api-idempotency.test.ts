import test from 'ava';
import type { FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import { openRaw } from '#test/support/raw-http.ts';
import { startTestApi, type TestApi, type TestClient } from '#test/support/test-api.ts';

let api: TestApi;
let client: TestClient;
/** What a test puts in the place of one call of the lifecycle. */
let storeFile: FileLifecycle['storeFile'] | null = null;
let awaitUpload: FileLifecycle['awaitUpload'] | null = null;
let isAvailable = true;

test.before(async () => {
  api = await startTestApi(({ lifecycle }) => ({
    lifecycle: {
      ...lifecycle,
      storeFile: (upload) => (storeFile ?? lifecycle.storeFile)(upload),
      awaitUpload: (fileId) => (awaitUpload ?? lifecycle.awaitUpload)(fileId),
      isAvailable: () => isAvailable,
    },
  }));
  client = await api.createClient('USER');
});
test.afterEach.always(() => {
  storeFile = null;
  awaitUpload = null;
  isAvailable = true;
});
test.after.always(() => api[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly body: {
    readonly file_id?: string;
    readonly code?: string;
    readonly [member: string]: unknown;
  };
}

async function put(
  key: string | null,
  content = 'content',
  { query = '', token = client.token }: { query?: string; token?: string } = {},
): Promise<Answer> {
  const response = await api.fetch(`/api/v1/files?filename=a.txt${query}`, {
    method: 'POST',
    token,
    headers: { 'Content-Type': 'text/plain', ...(key !== null && { 'Idempotency-Key': key }) },
    body: content,
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

test.serial('the same key and content: the first answer again, also by a form', async (t) => {
  const before = await api.listStaged();
  const first = await put('k1');
  t.is(first.status, 201);
  t.deepEqual(await put('k1'), first);
  const form = new FormData();
  form.set('file', new File(['content'], 'a.txt', { type: 'text/plain' }));
  const response = await api.fetch('/api/v1/files', {
    method: 'POST',
    token: client.token,
    headers: { 'Idempotency-Key': 'k1' },
    body: form,
  });
  t.is(response.status, 201);
  t.deepEqual(await response.json(), first.body);
  t.deepEqual(await api.listStaged(), before);
});

test.serial('without a key every upload is a file of its own', async (t) => {
  t.not((await put(null)).body.file_id, (await put(null)).body.file_id);
});

test.serial('the same key for other content or other fields is refused', async (t) => {
  const before = await api.listStaged();
  t.is((await put('k2')).status, 201);
  for (const answer of [
    await put('k2', 'other'),
    await put('k2', 'content', { query: '&version=2' }),
    await put('k2', 'content', { query: '&description=x' }),
    await put('k2', 'content', { query: '&retention_policy=permanent' }),
  ]) {
    t.is(answer.status, 422);
    t.is(answer.body.code, 'IDEMPOTENCY_KEY_REUSED');
  }
  t.deepEqual(await api.listStaged(), before);
});

test.serial('a key belongs to its client', async (t) => {
  const other = await api.createClient('USER');
  const first = await put('k3');
  const second = await put('k3', 'other', { token: other.token });
  t.is(second.status, 201);
  t.not(first.body.file_id, second.body.file_id);
});

test.serial('a failed upload does not use up its key', async (t) => {
  storeFile = () =>
    Promise.reject(new DomainError('WORKFLOWS_UNAVAILABLE', 'Nothing was committed.'));
  const failed = await put('k4');
  t.is(failed.status, 503);
  const [row] = await api.database.query<{ file_id: never }>({
    text: `select file_id from uploads where idempotency_key = 'k4'`,
  });
  await api.ports.uploads.failUploads([row!.file_id], ['receiving', 'staged'], {
    code: 'WORKFLOWS_UNAVAILABLE',
    detail: 'as the lifecycle does it',
  });
  storeFile = null;
  t.is((await put('k4')).status, 201);

  const refused = await put('k5', 'x', { query: '&ttl_days=0' });
  t.is(refused.status, 422);
  t.is((await put('k5', 'x')).status, 201);
});

test.serial('many at once with one key make one file', async (t) => {
  const before = await api.listStaged();
  const answers = await Promise.all(Array.from({ length: 8 }, () => put('k6')));
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
  t.is(new Set(answers.map(({ body }) => body.file_id)).size, 1);
  t.is(await api.countRows('uploads', `idempotency_key = 'k6' and state = 'stored'`), 1);
  t.deepEqual(await api.listStaged(), before);
});

test.serial(
  'while the first is still being sent, the second waits; when it dies, it takes over',
  async (t) => {
    let second: Promise<Answer>;
    {
      using first = await openRaw(api.port);
      await first.send(
        `POST /api/v1/files?filename=a.txt HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k7\r\n` +
          `Authorization: Bearer ${client.token}\r\nContent-Length: 100\r\n\r\nhalf`,
      );
      while ((await api.countRows('uploads', `idempotency_key = 'k7'`)) === 0);
      second = put('k7');
      const isWaiting = api.log.length;
      await put(null);
      t.true(api.log.length > isWaiting);
    }
    const answer = await second;
    t.is(answer.status, 201, JSON.stringify(answer.body));
    t.is(await api.countRows('uploads', `idempotency_key = 'k7' and state = 'stored'`), 1);
  },
);

test.serial(
  'at the deadline 202 with the operation, for the first and for who waits with its key',
  async (t) => {
    storeFile = () => Promise.resolve({ kind: 'pending' });
    awaitUpload = () => Promise.resolve({ kind: 'pending' });
    for (const answer of [await put('k8'), await put('k8')]) {
      t.is(answer.status, 202);
      t.like(answer.body, { kind: 'storeFiles', started_by: client.accountId, finished_at: null });
    }
    const operation = await put('k8');
    const { self } = operation.body['links'] as { self: string };
    const shown = await api.fetch(self, { token: client.token });
    t.is(shown.status, 200);
    t.is(
      ((await shown.json()) as { operation_id: string }).operation_id,
      operation.body['operation_id'] as string,
    );

    const stranger = await api.createClient('USER');
    t.is((await api.fetch(self, { token: stranger.token })).status, 404);
    const auditor = await api.createClient('AUDITOR');
    t.is((await api.fetch(self, { token: auditor.token })).status, 200);
    const reader = await api.createClient('READONLY');
    t.is((await api.fetch(self, { token: reader.token })).status, 403);
  },
);

test.serial('what the workflow refuses is the answer', async (t) => {
  storeFile = () =>
    Promise.resolve({
      kind: 'failed',
      failure: { code: 'ELEMENT_UNAVAILABLE', detail: 'The element is away.' },
    });
  const answer = await put(null);
  t.is(answer.status, 503);
  t.like(answer.body, { code: 'ELEMENT_UNAVAILABLE', detail: 'The element is away.' });
});

test.serial(
  'without Temporal uploads are refused before their body is read, and reads go on',
  async (t) => {
    const stored = await put(null);
    isAvailable = false;
    using connection = await openRaw(api.port);
    await connection.send(
      `POST /api/v1/files?filename=a.txt HTTP/1.1\r\nHost: x\r\n` +
        `Authorization: Bearer ${client.token}\r\nContent-Length: 100000\r\n\r\n`,
    );
    const answer = await connection.answer();
    t.is(answer.status, 503);
    t.truthy(answer.headers.get('retry-after'));
    t.like(JSON.parse(answer.body), { code: 'WORKFLOWS_UNAVAILABLE' });
    const content = await api.fetch(`/api/v1/files/${stored.body.file_id}/content`);
    t.is(await content.text(), 'content');
  },
);

for (const [title, parts] of [
  ['before the file', ['policy', 'file']],
  ['after the file', ['file', 'policy']],
] as const) {
  test.serial(
    `a form that names the permanent policy ${title} goes to an rw element`,
    async (t) => {
      const before = await api.listStaged();
      const form = new FormData();
      for (const part of parts) {
        if (part === 'file') form.set('file', new File(['permanent content'], 'p.txt'));
        else form.set('retention_policy', 'permanent');
      }
      const response = await api.fetch('/api/v1/files', {
        method: 'POST',
        token: client.token,
        headers: { 'Idempotency-Key': `policy ${title}` },
        body: form,
      });
      const file = (await response.json()) as Record<string, Record<string, unknown>>;
      t.is(response.status, 201, JSON.stringify(file));
      t.like(file['storage'], { element_id: 'rw-01', mode: 'rw' });
      t.like(file['retention'], { policy: 'permanent', expires_at: null });
      const content = await api.fetch(String(file['links']?.['content']));
      t.is(await content.text(), 'permanent content');
      t.deepEqual(await api.listStaged(), before);
      t.is(await api.countRows('uploads', `state = 'failed' and reserved_bytes <> 0`), 0);
    },
  );
}

test.serial(
  'too many uploads under way: 503 before the body, and room again afterwards',
  async (t) => {
    const pending = Promise.withResolvers<void>();
    storeFile = async () => {
      await pending.promise;
      return { kind: 'stored' };
    };
    const running = Array.from({ length: limits.admittedUploads }, () => put(null, 'x'));
    while ((await api.countRows('uploads', `state = 'receiving'`)) < limits.admittedUploads);
    const refused = await put(null, 'x');
    t.is(refused.status, 503);
    t.is(refused.body.code, 'TOO_MANY_UPLOADS');
    pending.resolve();
    t.deepEqual([...new Set((await Promise.all(running)).map(({ status }) => status))], [201]);
    storeFile = null;
    t.is((await put(null)).status, 201);
  },
);

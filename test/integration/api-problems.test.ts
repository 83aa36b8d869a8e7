import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { limits } from '#domain/limits.ts';
import { openRaw } from '#test/support/raw-http.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

const someFile = '/api/v1/files/00000000-0000-4000-8000-000000000000';

for (const [title, path, init, status, code] of [
  ['unknown path', '/api/v1/nothing', {}, 404, 'ROUTE_NOT_FOUND'],
  ['root', '/', {}, 404, 'ROUTE_NOT_FOUND'],
  ['trailing slash', '/api/v1/files/', {}, 404, 'ROUTE_NOT_FOUND'],
  ['unknown file', someFile, {}, 404, 'FILE_NOT_FOUND'],
  [
    'unknown operation',
    '/api/v1/operations/00000000-0000-4000-8000-000000000000',
    {},
    404,
    'OPERATION_NOT_FOUND',
  ],
  ['operation id that is none', '/api/v1/operations/x', {}, 404, 'OPERATION_NOT_FOUND'],
  ['unknown schema', '/api/v1/schemas/3.0', {}, 404, 'SCHEMA_NOT_FOUND'],
  [
    'unknown version of a sidecar',
    `${someFile}/attributes?schema_version=3.0`,
    {},
    422,
    'REQUEST_INVALID',
  ],
  ['wrong method', someFile, { method: 'PUT' }, 405, 'METHOD_NOT_ALLOWED'],
  ['deleting an unknown file', someFile, { method: 'DELETE' }, 404, 'FILE_NOT_FOUND'],
  ['changing without If-Match', someFile, { method: 'PATCH' }, 428, 'PRECONDITION_REQUIRED'],
  ['OPTIONS', '/api/v1/files', { method: 'OPTIONS' }, 405, 'METHOD_NOT_ALLOWED'],
  ['unknown query parameter', '/api/v1/files?colour=red', {}, 422, 'REQUEST_INVALID'],
  ['limit too large', `/api/v1/files?limit=${limits.pageSizeMax + 1}`, {}, 422, 'REQUEST_INVALID'],
  ['limit that is none', '/api/v1/files?limit=x', {}, 422, 'REQUEST_INVALID'],
  ['cursor that is none', '/api/v1/files?cursor=abc', {}, 400, 'CURSOR_INVALID'],
  ['long target', `/api/v1/files?filename=${'x'.repeat(limits.urlBytes)}`, {}, 414, 'URI_TOO_LONG'],
  ['no token', '/api/v1/files', { token: null }, 401, 'UNAUTHENTICATED'],
  ['no token, bad query', '/api/v1/files?colour=red', { token: null }, 401, 'UNAUTHENTICATED'],
] as const) {
  for (const method of 'method' in init ? [init.method] : ['GET', 'HEAD']) {
    test(`a problem document for ${title} (${method})`, async (t) => {
      const response = await api.fetch(path, {
        ...init,
        method,
        headers: { 'X-Request-Id': 'my-id.1' },
      });
      t.is(response.status, status);
      t.is(response.headers.get('content-type'), 'application/problem+json');
      t.is(response.headers.get('x-request-id'), 'my-id.1');
      t.is(response.headers.get('x-content-type-options'), 'nosniff');
      const text = await response.text();
      if (method === 'HEAD') {
        t.is(text, '');
        return;
      }
      const problem = JSON.parse(text) as Record<string, unknown>;
      t.like(problem, { status, code, instance: 'urn:request:my-id.1' });
      t.deepEqual(Object.keys(problem).slice(0, 6), [
        'type',
        'title',
        'status',
        'detail',
        'instance',
        'code',
      ]);
    });
  }
}

test('405 names what is allowed', async (t) => {
  const response = await api.fetch(someFile, { method: 'PUT' });
  t.is(response.headers.get('allow'), 'DELETE, GET, HEAD, PATCH');
  t.is(
    (await api.fetch('/api/v1/files', { method: 'PUT' })).headers.get('allow'),
    'GET, HEAD, POST',
  );
});

test('all faults of a query at once, each with its pointer', async (t) => {
  const response = await api.fetch(
    '/api/v1/files?colour=red&limit=0&sort=size&created_from=yesterday&element_id=UP',
  );
  const { errors } = (await response.json()) as { errors: { pointer: string }[] };
  t.deepEqual(errors.map(({ pointer }) => pointer).sort(), [
    'query/colour',
    'query/created_from',
    'query/element_id',
    'query/limit',
    'query/sort',
  ]);
});

test('a request id that is not well formed is replaced', async (t) => {
  for (const id of ['has space', 'x'.repeat(limits.requestIdChars + 1), 'quote"']) {
    const response = await api.fetch('/health/live', { headers: { 'X-Request-Id': id } });
    t.regex(response.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  }
});

for (const [title, request, status, code] of [
  ['no HTTP at all', 'hello there\r\n\r\n', 400, 'REQUEST_MALFORMED'],
  [
    'a header that is none',
    'GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n',
    400,
    'REQUEST_MALFORMED',
  ],
  ['NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400, 'REQUEST_MALFORMED'],
  [
    'two lengths',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
    400,
    'REQUEST_MALFORMED',
  ],
  [
    'length and chunks',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'REQUEST_MALFORMED',
  ],
  ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n', 400, 'REQUEST_MALFORMED'],
  [
    'headers too long',
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(limits.headerBytes)}\r\n\r\n`,
    431,
    'HEADERS_TOO_LARGE',
  ],
] as const) {
  test(`what the parser of HTTP refuses is a problem too: ${title}`, async (t) => {
    using connection = await openRaw(api.port);
    await connection.send(request);
    const answer = await connection.answer();
    t.is(answer.status, status);
    t.is(answer.headers.get('content-type'), 'application/problem+json');
    t.truthy(answer.headers.get('x-request-id'));
    t.like(JSON.parse(answer.body), { status, code });
    if (title !== 'no Host') {
      t.is(answer.headers.get('connection'), 'close');
      await connection.ended;
    }
  });
}

test('an early answer is readable although the body is still being sent', async (t) => {
  const body = new ReadableStream({
    async pull(controller) {
      controller.enqueue(new Uint8Array(65_536));
      await delay(1);
    },
  });
  const response = await api.fetch('/api/v1/files?filename=x', {
    method: 'POST',
    token: null,
    body,
    duplex: 'half',
  });
  t.is(response.status, 401);
  t.is(response.headers.get('connection'), 'close');
  t.like(await response.json(), { code: 'UNAUTHENTICATED' });
});

for (const [title, headers, start, status] of [
  ['refused by its head', '', '', 401],
  [
    'refused in the middle of a form',
    'Content-Type: multipart/form-data; boundary=b\r\n',
    '--b\r\nContent-Disposition: form-data; name="colour"\r\n\r\nred\r\n' +
      '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n',
    422,
  ],
] as const) {
  test(`who sends all of a large body before reading still gets the early answer: ${title}`, async (t) => {
    const { token } = await api.createClient('USER');
    const authorization = status === 401 ? '' : `Authorization: Bearer ${token}\r\n`;
    const body = Buffer.concat([Buffer.from(start), Buffer.alloc(16_000_000)]);
    using connection = await openRaw(api.port);
    connection.socket.pause();
    await connection.send(
      `POST /api/v1/files HTTP/1.1\r\nHost: x\r\n${authorization}${headers}` +
        `Content-Length: ${body.length}\r\n\r\n`,
    );
    await connection.send(body);
    connection.socket.resume();
    const answer = await connection.answer();
    t.is(answer.status, status);
    t.is(answer.headers.get('connection'), 'close');
    await connection.ended;
  });
}

test('a sender that asks for 100 first is refused without it, and gets it when its body is wanted', async (t) => {
  const { token } = await api.createClient('USER');
  using refused = await openRaw(api.port);
  const head =
    'POST /api/v1/files?filename=x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n';
  await refused.send(`${head}\r\n`);
  t.is((await refused.answer()).status, 401);

  using accepted = await openRaw(api.port);
  await accepted.send(`${head}Authorization: Bearer ${token}\r\n\r\n`);
  t.is((await accepted.answer()).status, 100);
  await accepted.send('ok');
  t.is((await accepted.answer()).status, 201);
});

test('a connection carries many requests, refused ones with a read body included', async (t) => {
  const { token } = await api.createClient('USER');
  using connection = await openRaw(api.port);
  const head = (path: string, authorization: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n${authorization}\r\nok`;
  const bearer = `Authorization: Bearer ${token}\r\n`;
  for (const [path, authorization, status] of [
    ['/api/v1/files?filename=x', '', 401],
    ['/api/v1/files?filename=x', bearer, 201],
    ['/api/v1/nothing', bearer, 404],
    ['/api/v1/files?filename=y', bearer, 201],
  ] as const) {
    await connection.send(head(path, authorization));
    const answer = await connection.answer();
    t.is(answer.status, status);
    t.not(answer.headers.get('connection'), 'close', path);
  }
});

test('errors of ours are logged with their cause and shown without it', async (t) => {
  const broken = await startTestApi(() => ({
    catalogue: {
      findFile: () => Promise.reject(new Error('secret SQL at /var/lib')),
      listFiles: () => Promise.reject(new Error('unused')),
      findDeletedAt: () => Promise.resolve(null),
      changeState: () => Promise.resolve(false),
    },
  }));
  try {
    const response = await broken.fetch(someFile);
    const text = await response.text();
    t.is(response.status, 500);
    t.false(text.includes('secret'));
    t.like(JSON.parse(text), { code: 'INTERNAL' });
    const logged = broken.log.filter(({ level }) => level === 'error');
    t.is(logged.length, 1);
    t.regex(JSON.stringify(logged), /secret SQL/);
  } finally {
    await broken[Symbol.asyncDispose]();
  }
});

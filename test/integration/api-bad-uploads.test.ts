import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { limits } from '#domain/limits.ts';
import { openRaw } from '#test/support/raw-http.ts';
import { startTestApi, type TestApi, type TestClient } from '#test/support/test-api.ts';

let api: TestApi;
let client: TestClient;
test.before(async () => {
  api = await startTestApi();
  client = await api.createClient('USER');
});
test.after.always(() => api[Symbol.asyncDispose]());

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly errors?: readonly { pointer: string; message: string }[];
  readonly [member: string]: unknown;
}

/** Refused with this problem, and nothing of it is left anywhere. */
async function refused(
  t: ExecutionContext,
  answer: { status: number; problem: Problem },
  expected: { status: number; code: string; pointer?: string },
) {
  t.is(answer.status, expected.status, JSON.stringify(answer.problem));
  t.like(answer.problem, { status: expected.status, code: expected.code });
  for (const member of ['type', 'title', 'detail', 'instance']) t.truthy(answer.problem[member]);
  if (expected.pointer !== undefined) {
    t.true(
      answer.problem.errors?.some(({ pointer }) => pointer === expected.pointer),
      JSON.stringify(answer.problem.errors),
    );
  }
  t.deepEqual(await api.listStaged(), []);
  t.is(await api.countRows('files'), 0);
  t.is(await api.countRows('uploads', `state <> 'failed' or reserved_bytes <> 0`), 0);
}

async function post(
  body: string | Uint8Array | FormData,
  headers: Record<string, string> = {},
  query = '',
) {
  const response = await api.fetch(`/api/v1/files${query}`, {
    method: 'POST',
    body,
    headers,
    token: client.token,
  });
  const isProblem = response.headers.get('content-type') === 'application/problem+json';
  const text = await response.text();
  return {
    status: response.status,
    problem: (isProblem ? JSON.parse(text) : { code: text }) as Problem,
  };
}

/** Head and body as they are, on a connection that the client half closes afterwards. */
async function sendRaw(head: readonly string[], body: string | Uint8Array, keepOpen = false) {
  using connection = await openRaw(api.port);
  const lines = [
    `POST /api/v1/files${head.join().includes('multipart') ? '' : '?filename=x.bin'} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${client.token}`,
    ...head,
  ];
  await connection.send(`${lines.join('\r\n')}\r\n\r\n`);
  await connection.send(body);
  if (!keepOpen) connection.socket.end();
  const { status, body: text } = await connection.answer();
  await connection.ended;
  return { status, problem: JSON.parse(text) as Problem };
}

const form = (...parts: string[]) => [...parts, '--b--\r\n'].join('');
const part = (headers: string, body: string) => `--b\r\n${headers}\r\n\r\n${body}\r\n`;
const filePart = (content = 'content', name = 'a.txt') =>
  part(
    `Content-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/plain`,
    content,
  );
const field = (name: string, text: string) =>
  part(`Content-Disposition: form-data; name="${name}"`, text);
const multipart = { 'Content-Type': 'multipart/form-data; boundary=b' };

test.serial('the same form, unharmed, is stored', async (t) => {
  const { status } = await post(form(field('description', 'x'), filePart()), multipart);
  t.is(status, 201);
  await api.database.query({ text: 'delete from files' });
  await api.database.query({ text: 'delete from uploads' });
});

for (const [title, body] of [
  ['an empty body', ''],
  ['no boundary at all', 'just text'],
  ['cut in a boundary', `${filePart()}--`],
  ['cut in the file', filePart().slice(0, -5)],
  ['cut in the headers of the file', filePart().slice(0, 40)],
  ['cut in the headers of a second part', `${filePart()}--b\r\nContent-Dispo`],
  [
    'cut in a field after the file',
    `${filePart()}${field('description', 'long text').slice(0, -6)}`,
  ],
  ['cut in a field before the file', field('description', 'long text').slice(0, -6)],
  [
    'a part whose headers another boundary cuts',
    `--b\r\nContent-Disposition: form-data; name="x"\r\n--b\r\n${form(filePart())}`,
  ],
  ['a part without a disposition', form(part('X-Header: 1', 'text'), filePart())],
  ['a part without a name', form(part('Content-Disposition: form-data', 'text'), filePart())],
  [
    'a part that is no form-data',
    form(part('Content-Disposition: attachment; name="x"', 'text'), filePart()),
  ],
  [
    'a header without a colon',
    form(part('Content-Disposition form-data; name="x"', 'text'), filePart()),
  ],
] as const) {
  test.serial(`malformed multipart is answered, not waited for: ${title}`, async (t) => {
    await refused(t, await post(body, multipart), { status: 400, code: 'MULTIPART_MALFORMED' });
  });
}

test.serial('a boundary that is missing or unusable is malformed', async (t) => {
  const type = 'multipart/form-data';
  await refused(t, await post('x', { 'Content-Type': type }), {
    status: 400,
    code: 'MULTIPART_MALFORMED',
  });
  await refused(t, await post('x', { 'Content-Type': `${type}; boundary="${'y'.repeat(80)}"` }), {
    status: 400,
    code: 'MULTIPART_MALFORMED',
  });
});

for (const [title, parts, pointer] of [
  ['no file', [field('description', 'x')], '/file'],
  ['two files', [filePart(), filePart()], '/file'],
  [
    'a file in another part',
    [part('Content-Disposition: form-data; name="other"; filename="x"', 'x'), filePart()],
    '/other',
  ],
  ['a file part without a name', [field('file', 'content')], '/file'],
  ['an unknown field', [field('colour', 'red'), filePart()], '/colour'],
  ['an unknown field after the file', [filePart(), field('colour', 'red')], '/colour'],
  [
    'a field twice',
    [field('description', 'x'), field('description', 'y'), filePart()],
    '/description',
  ],
  [
    'a field beside the document that has it',
    [field('attributes', '{"version":"1"}'), field('version', '1'), filePart()],
    '/version',
  ],
  [
    'an unknown member of the document',
    [field('attributes', '{"colour":1}'), filePart()],
    '/colour',
  ],
  ['a document that is no object', [field('attributes', '[]'), filePart()], '/attributes'],
  ['a ttl that is none', [field('ttl_days', '400'), filePart()], '/ttl_days'],
  [
    'a ttl of a permanent file',
    [field('retention_policy', 'permanent'), filePart(), field('ttl_days', '4')],
    '/ttl_days',
  ],
  [
    'a policy that is none',
    [field('retention_policy', 'eternal'), filePart()],
    '/retention_policy',
  ],
  ['a tag that is too long', [field('tags', 'x'.repeat(51)), filePart()], '/tags/0'],
  ['too many tags', [...Array.from({ length: 51 }, () => field('tags', 'x')), filePart()], '/tags'],
  ['metadata that is no object', [field('metadata', '[1]'), filePart()], '/metadata'],
] as const) {
  test.serial(`fields that are not valid: ${title}`, async (t) => {
    await refused(t, await post(form(...parts), multipart), {
      status: 422,
      code: 'REQUEST_INVALID',
      pointer,
    });
  });
}

test.serial('all faults are told at once', async (t) => {
  const body = form(
    field('colour', 'red'),
    field('ttl_days', 'x'),
    field('version', 'v'.repeat(200)),
    filePart(),
  );
  const { problem } = await post(body, multipart);
  t.deepEqual(
    problem.errors?.map(({ pointer }) => pointer).sort(),
    ['/colour', '/ttl_days', '/version'].filter((p) => p !== '/ttl_days'),
  );
});

for (const [name, value] of [
  ['compress', 'gzip'],
  ['compress', 'auto'],
] as const) {
  test.serial(`a field of a feature to come is refused by name: ${name}=${value}`, async (t) => {
    const expected = { status: 422, code: 'FEATURE_NOT_AVAILABLE', pointer: `/${name}` };
    await refused(t, await post(form(field(name, value), filePart()), multipart), expected);
    await refused(t, await post(form(filePart(), field(name, value)), multipart), expected);
    await refused(
      t,
      await post('x', { 'Content-Type': 'text/plain' }, `?filename=x&${name}=${value}`),
      expected,
    );
  });
}

for (const [title, text, pointer] of [
  ['broken', '{"a":', '/metadata'],
  ['with a duplicate key', '{"a":1,"a":2}', '/metadata'],
  ['with NaN', '{"a":NaN}', '/metadata'],
  ['far too deep', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, '/metadata'],
] as const) {
  test.serial(`JSON in a field that cannot be parsed: ${title}`, async (t) => {
    const expected = { status: 400, code: 'REQUEST_MALFORMED', pointer };
    await refused(t, await post(form(field('metadata', text), filePart()), multipart), expected);
    await refused(
      t,
      await post('x', {}, `?filename=x&metadata=${encodeURIComponent(text)}`),
      expected,
    );
  });
}

test.serial('JSON that would be too deep inside the sidecar is refused', async (t) => {
  const depth = limits.jsonDepth;
  const text = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const answer = await post(form(field('metadata', text), filePart()), multipart);
  t.true(answer.status === 400 || answer.status === 422, String(answer.status));
  await refused(t, answer, { status: answer.status, code: answer.problem.code });
});

test.serial('a file name of more than 500 characters is malformed', async (t) => {
  const expected = { status: 400, code: 'REQUEST_MALFORMED' };
  await refused(t, await post(form(filePart('x', 'ы'.repeat(501))), multipart), expected);
  await refused(t, await post('x', {}, `?filename=${'a'.repeat(501)}`), expected);
});

for (const [title, name] of [
  ['NUL', 'a%00b.txt'],
  ['nothing but a path', 'dir/'],
  ['nothing', ''],
] as const) {
  test.serial(`a file name that cannot be used: ${title}`, async (t) => {
    const expected = { status: 422, code: 'FILENAME_INVALID' };
    await refused(
      t,
      await post('x', {}, `?filename=${encodeURIComponent(decodeURIComponent(name))}`),
      expected,
    );
    const inForm = filePart('x', decodeURIComponent(name));
    await refused(t, await post(form(inForm), multipart), expected);
  });
}

test.serial('a query that is not UTF-8 is malformed', async (t) => {
  await refused(t, await post('x', {}, '?filename=%FF%FE'), {
    status: 400,
    code: 'REQUEST_MALFORMED',
  });
});

test.serial('a raw body without a name is refused', async (t) => {
  await refused(t, await post('x', { 'Content-Type': 'text/plain' }), {
    status: 422,
    code: 'REQUEST_INVALID',
    pointer: 'query/filename',
  });
});

test.serial('a form carries no fields in its query', async (t) => {
  await refused(t, await post(form(filePart()), multipart, '?description=x'), {
    status: 422,
    code: 'REQUEST_INVALID',
    pointer: 'query/description',
  });
});

test.serial('attributes over the limit are refused before the content is read', async (t) => {
  const tooLong = 'ы'.repeat(2000);
  const expected = { status: 422, code: 'ATTRIBUTES_TOO_LARGE' };
  await refused(
    t,
    await post(form(filePart(), field('description', tooLong)), multipart),
    expected,
  );
  const answer = await post(form(field('description', tooLong), filePart()), multipart);
  await refused(t, answer, expected);
  t.is(answer.problem['limit_bytes'], limits.sidecarSizeBytes - limits.sidecarReserveBytes);

  using connection = await openRaw(api.port);
  const query = `filename=x&description=${'x'.repeat(3500)}`;
  await connection.send(
    `POST /api/v1/files?${query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.token}\r\nContent-Length: 1000000\r\n\r\n`,
  );
  const early = await connection.answer();
  t.is(early.status, 422);
  t.is(early.headers.get('connection'), 'close');
});

const digestOf = (text: string) =>
  `sha-256=:${createHash('sha256').update(text).digest('base64')}:`;

for (const name of ['Repr-Digest', 'Content-Digest']) {
  test.serial(`${name} of other content: nothing is stored`, async (t) => {
    const expected = { status: 400, code: 'CHECKSUM_MISMATCH' };
    await refused(t, await post('content', { [name]: digestOf('other') }, '?filename=x'), expected);
    await refused(
      t,
      await post(form(filePart()), { ...multipart, [name]: digestOf('other') }),
      expected,
    );
    const inPart = part(
      `Content-Disposition: form-data; name="file"; filename="x"\r\n${name}: ${digestOf('other')}`,
      'content',
    );
    await refused(t, await post(form(inPart), multipart), expected);
  });

  test.serial(`${name} that is no digest is malformed`, async (t) => {
    for (const value of ['sha-256=abc', 'sha-256=:abc:', 'nonsense', 'sha-256=:AAAA:']) {
      await refused(t, await post('content', { [name]: value }, '?filename=x'), {
        status: 400,
        code: 'REQUEST_MALFORMED',
      });
    }
  });
}

test.serial('a length that is not reached', async (t) => {
  await refused(t, await sendRaw(['Content-Length: 100'], 'only this'), {
    status: 400,
    code: 'BODY_INCOMPLETE',
  });
});

test.serial('a length that is exceeded', async (t) => {
  await refused(t, await sendRaw(['Content-Length: 4'], 'only this, and more', true), {
    status: 400,
    code: 'BODY_INCOMPLETE',
  });
});

test.serial('chunks that are cut or malformed', async (t) => {
  const head = ['Transfer-Encoding: chunked'];
  await refused(t, await sendRaw(head, '5\r\nhello\r\n'), { status: 400, code: 'BODY_INCOMPLETE' });
  await refused(t, await sendRaw(head, '5\r\nhello\r\nzz\r\n', true), {
    status: 400,
    code: 'BODY_INCOMPLETE',
  });
});

test.serial('the length that the file part of a form declares counts', async (t) => {
  const wrong = part(
    'Content-Disposition: form-data; name="file"; filename="x"\r\nContent-Length: 99',
    'content',
  );
  await refused(t, await post(form(wrong), multipart), { status: 400, code: 'BODY_INCOMPLETE' });
});

test.serial('a declared length above the limit is answered before the body', async (t) => {
  const answer = await sendRaw([`Content-Length: ${limits.uploadSizeBytes + 1}`], '', true);
  await refused(t, answer, { status: 413, code: 'BODY_TOO_LARGE' });
  t.is(answer.problem['limit_bytes'], limits.uploadSizeBytes);
});

test.serial('no room: 507 before the body is read, for a raw body and for a form', async (t) => {
  const length = `Content-Length: ${limits.uploadSizeBytes - 1}`;
  const expected = { status: 507, code: 'INSUFFICIENT_STORAGE' };
  await refused(t, await sendRaw([length], '', true), expected);
  await refused(
    t,
    await sendRaw([length, 'Content-Type: multipart/form-data; boundary=b'], '', true),
    expected,
  );
  await refused(t, await sendRaw([length, 'Expect: 100-continue'], '', true), expected);
});

test.serial('a content coding and a type that is none', async (t) => {
  await refused(t, await post('x', { 'Content-Encoding': 'gzip' }, '?filename=x'), {
    status: 415,
    code: 'MEDIA_TYPE_UNSUPPORTED',
  });
  await refused(t, await post('x', { 'Content-Type': 'nonsense' }, '?filename=x'), {
    status: 422,
    code: 'REQUEST_INVALID',
    pointer: 'header/content-type',
  });
});

test.serial('an idempotency key that is malformed', async (t) => {
  for (const key of ['', 'x'.repeat(256), 'ä']) {
    const answer = await post('x', { 'Idempotency-Key': key }, '?filename=x');
    if (key === '') t.is(answer.problem.code, 'IDEMPOTENCY_KEY_INVALID');
    else await refused(t, answer, { status: 400, code: 'IDEMPOTENCY_KEY_INVALID' });
  }
});

test.serial('a sender that goes away in the middle leaves nothing', async (t) => {
  {
    using connection = await openRaw(api.port);
    await connection.send(
      `POST /api/v1/files?filename=x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.token}\r\nContent-Length: 1000\r\n\r\nhalf`,
    );
    while ((await api.countRows('uploads', `state = 'receiving'`)) === 0);
  }
  while ((await api.countRows('uploads', `state = 'receiving'`)) > 0);
  t.deepEqual(await api.listStaged(), []);
  t.is(await api.countRows('uploads', 'reserved_bytes <> 0'), 0);
  t.deepEqual(
    api.log.filter(({ level }) => level === 'error'),
    [],
  );
});

/** How the command behaves towards servers that are away, slow, full, broken or no ArtStore at all. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { ConnectionError } from './cli-error.ts';
import { createHttpClient } from './http-client.ts';
import { runInWorld } from '#test/support/cli-world.ts';
import {
  fileJson,
  operationJson,
  someFileId,
  someOperationId,
  startRecordingServer,
  type Answering,
  type RecordedRequest,
} from '#test/support/recording-server.ts';

const unavailable = {
  status: 503,
  headers: { 'Retry-After': '0' },
  body: { title: 'Full', status: 503 },
};

async function makeFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-exchange-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

const sha256 = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex');

/** As the API answers an upload: with what it got. */
function stored({ body, headers }: RecordedRequest): Answering {
  const boundary = /boundary=(\S+)/.exec(headers['content-type'] ?? '')?.[1] ?? '';
  const start = body.lastIndexOf('\r\n\r\n') + 4;
  const content = body.subarray(start, body.lastIndexOf(`\r\n--${boundary}--`));
  const checksum = { algorithm: 'sha-256', value: sha256(content) };
  return { status: 201, body: fileJson({ checksum, file_size: content.length }) };
}

test('what is full or broken is asked again, under the same key and with the whole body', async (t) => {
  const folder = await makeFolder(t);
  const path = join(folder, 'Письмо.txt');
  await writeFile(path, 'содержание');
  await using server = await startRecordingServer((request, count) => {
    if (count === 1) return unavailable;
    if (count === 2) return 'break';
    return count === 3 ? { ...unavailable, status: 429 } : stored(request);
  });
  const result = await runInWorld(['upload', path, '--json'], server);
  t.is(result.code, 0, result.stderr);
  t.like(result.json()[0], { outcome: 'stored', is_new: true });
  t.is(server.requests.length, 4);
  const keys = new Set(server.requests.map(({ headers }) => headers['idempotency-key']));
  t.is(keys.size, 1);
  t.regex([...keys].join(''), /^artstore-cli-1-[0-9a-f]{64}$/);
  t.is(new Set(server.requests.map(({ body }) => body.toString())).size, 1);
});

test('what the server may have done is not asked for twice', async (t) => {
  await using server = await startRecordingServer(() => 'break');
  const result = await runInWorld(['operations', 'cancel', someOperationId], server);
  t.is(result.code, 6);
  t.is(server.requests.length, 1);
  t.regex(result.stderr, /Whether the server has done it is not known/);
});

test('an operation whose start got no answer is started once, under one key', async (t) => {
  await using server = await startRecordingServer((_, count) =>
    count === 1 ? 'break' : { status: 202, body: operationJson() },
  );
  t.is((await runInWorld(['migrate', 'run'], server)).code, 0);
  t.is((await runInWorld(['rebuild', 'rw-01'], server)).code, 0);
  const keys = server.requests.map(({ headers }) => headers['idempotency-key']);
  t.is(keys.length, 3);
  t.is(new Set(keys).size, 2);
  t.true(keys[0] !== undefined && keys[0] === keys[1]);
});

test('retries end', async (t) => {
  await using server = await startRecordingServer(() => unavailable);
  const result = await runInWorld(['list', '--retries', '1'], server);
  t.is(result.code, 6);
  t.is(server.requests.length, 2);
  t.regex(result.stderr, /Trying again in/);
  t.regex(result.stderr, /error: Full/);
});

test('a server that asks for more patience than is sensible is taken for away', async (t) => {
  await using server = await startRecordingServer(() => ({
    ...unavailable,
    headers: { 'Retry-After': '86400' },
  }));
  t.is((await runInWorld(['list'], server)).code, 6);
  t.is(server.requests.length, 1);
});

test('nobody listens', async (t) => {
  const server = await startRecordingServer(() => 'break');
  await server[Symbol.asyncDispose]();
  const folder = await makeFolder(t);
  for (const name of ['1', '2', '3', '4']) await writeFile(join(folder, name), name);
  const result = await runInWorld(
    ['upload', folder, '--retries', '0', '--parallel', '1', '--json'],
    server,
  );
  t.is(result.code, 6);
  t.is(result.json().length, 1, 'the rest is not tried');
});

test('a token that is refused is renewed once, for all at once', async (t) => {
  const folder = await makeFolder(t);
  for (const name of ['1', '2', '3', '4', '5', '6']) await writeFile(join(folder, name), name);
  await using server = await startRecordingServer((request) =>
    request.headers.authorization === 'Bearer token-1'
      ? { status: 401, body: { title: 'A valid access token is needed' } }
      : stored(request),
  );
  const result = await runInWorld(['upload', folder, '--parallel', '6', '--json'], server);
  t.is(result.code, 0, result.stderr);
  t.is(server.tokenRequests.length, 2);
});

test('an account that is refused ends everything', async (t) => {
  await using server = await startRecordingServer(
    () => 'break',
    () => ({ status: 401, body: { error: 'invalid_client', error_description: 'No.' } }),
  );
  const result = await runInWorld(['list'], server);
  t.is(result.code, 3);
  t.regex(result.stderr, /invalid_client: No\./);
  t.is(server.requests.length, 0);
});

const damaged: readonly (readonly [string, Answering])[] = [
  ['a page of a proxy', { body: '<html>Welcome</html>' }],
  ['half a document', { body: '{"items":[' }],
  ['another document', { body: { items: 'none' } }],
  ['a list of something else', { body: { items: [{ name: 1 }], next_cursor: null } }],
  ['a redirect', { status: 302, headers: { Location: 'http://elsewhere.example/' } }],
  ['a broken answer', { body: { items: [], next_cursor: null }, brokenAfterBytes: 5 }],
];
for (const [what, answer] of damaged) {
  test(`${what} is no answer`, async (t) => {
    await using server = await startRecordingServer(() => answer);
    const result = await runInWorld(['list', '--retries', '0'], server);
    t.is(result.code, what === 'a broken answer' ? 6 : 9, result.stdout + result.stderr);
    t.is(result.stdout, '');
  });
}

test('an upload that is confirmed with another digest is no success', async (t) => {
  const folder = await makeFolder(t);
  await writeFile(join(folder, 'a'), 'a');
  await using server = await startRecordingServer(() => ({ status: 201, body: fileJson() }));
  const result = await runInWorld(['upload', join(folder, 'a')], server);
  t.is(result.code, 9);
  t.regex(result.stderr, /confirms other content/);
});

test('a problem is shown with its faults and the id of the request', async (t) => {
  const problem = {
    title: 'The request is not valid',
    detail: 'See the list.',
    status: 422,
    code: 'REQUEST_INVALID',
    instance: 'urn:request:abc-1',
    errors: [{ pointer: '/limit', message: 'must be \u001b[31mred' }],
  };
  await using server = await startRecordingServer(() => ({ status: 422, body: problem }));
  const shown = await runInWorld(['list'], server);
  t.is(shown.code, 2);
  t.is(
    shown.stderr,
    'error: The request is not valid: See the list.\n  /limit: must be \\u{1b}[31mred\n  request abc-1\n',
  );
  const json = await runInWorld(['list', '--json'], server);
  t.deepEqual(JSON.parse(json.stderr), { ...problem, exit_code: 2 });
  t.is(json.stdout, '');
});

const content = Buffer.from('0123456789'.repeat(1000));
const contentFile = fileJson({
  file_size: content.length,
  checksum: { algorithm: 'sha-256', value: sha256(content) },
  original_filename: '../../etc/Отчёт.txt',
});

test('a download that breaks is taken up where it broke, and lands under a safe name', async (t) => {
  const folder = await makeFolder(t);
  await using server = await startRecordingServer(({ path, headers }) => {
    if (!path.endsWith('/content')) return { body: contentFile };
    const start = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    return {
      status: start === 0 ? 200 : 206,
      headers: start === 0 ? {} : { 'Content-Range': range },
      body: content.subarray(start),
      ...(start < 6000 && { brokenAfterBytes: 3000 }),
    };
  });
  const result = await runInWorld(['download', someFileId, '-o', folder], server);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(await readdir(folder), ['.._.._etc_Отчёт.txt']);
  t.deepEqual(await readFile(join(folder, '.._.._etc_Отчёт.txt')), content);
  const conditions = server.requests.slice(1).map(({ headers }) => headers['if-match']);
  t.true(conditions.length >= 3);
  t.deepEqual(new Set(conditions), new Set([`"${sha256(content)}"`]));
});

const wrongContents: readonly (readonly [string, Answering])[] = [
  ['other bytes', { body: Buffer.alloc(content.length) }],
  ['fewer bytes', { body: content.subarray(1) }],
  ['more bytes', { body: Buffer.concat([content, content]) }],
  ['another digest', { headers: { 'Repr-Digest': 'sha-256=:AAAA:' }, body: content }],
];
for (const [what, answer] of wrongContents) {
  test(`content with ${what} than it should have leaves no file`, async (t) => {
    const folder = await makeFolder(t);
    await using server = await startRecordingServer(({ path }) =>
      path.endsWith('/content') ? answer : { body: contentFile },
    );
    const result = await runInWorld(['download', someFileId, '-o', folder], server);
    t.is(result.code, 9);
    t.deepEqual(await readdir(folder), []);
  });
}

test('a range that was not asked for is not put together', async (t) => {
  const folder = await makeFolder(t);
  await using server = await startRecordingServer(({ path, headers }) => {
    if (!path.endsWith('/content')) return { body: contentFile };
    return headers.range === undefined
      ? { body: content, brokenAfterBytes: 3000 }
      : { body: content };
  });
  const result = await runInWorld(['download', someFileId, '-o', join(folder, 'x')], server);
  t.is(result.code, 9);
  t.regex(result.stderr, /another part of the file/);
  t.deepEqual(await readdir(folder), []);
});

test('a watch survives a server that is away, and ends when its time is over', async (t) => {
  await using server = await startRecordingServer((_, count) =>
    count === 1 || count === 2 ? 'break' : { body: operationJson({ state: 'completed' }) },
  );
  const args = ['operations', 'watch', someOperationId, '--retries', '0'];
  t.is((await runInWorld(args, server)).code, 0);
  await using endless = await startRecordingServer(() => ({ body: operationJson() }));
  const late = await runInWorld([...args, '--timeout', '0.3'], endless);
  t.is(late.code, 6);
  t.regex(late.stderr, /The time is over; the operation .* goes on/);
});

test('an interrupted watch says that the operation goes on', async (t) => {
  const interruption = new AbortController();
  await using server = await startRecordingServer((_, count) => {
    if (count === 2) interruption.abort('SIGINT');
    return { body: operationJson() };
  });
  const { signal } = interruption;
  const result = await runInWorld(['operations', 'watch', someOperationId], { ...server, signal });
  t.is(result.code, 130);
  t.regex(result.stderr, new RegExp(`goes on.*artstore operations watch ${someOperationId}`));
});

test('on a terminal a bar shows how far an operation is, and titles stand above a table', async (t) => {
  await using server = await startRecordingServer((request, count) => {
    if (request.path.includes('/files')) {
      return { body: { items: [fileJson({ original_filename: 'a\nb' })], next_cursor: null } };
    }
    const progress = { done: count * 10, failed: 1, skipped: 0, total: 40 };
    return { body: operationJson({ progress, state: count < 3 ? 'running' : 'completed' }) };
  });
  const terminal = { ...server, isTty: true };
  const watched = await runInWorld(['operations', 'watch', someOperationId], terminal);
  t.is(watched.code, 1);
  t.regex(watched.stderr, /█.*11 of 40, 27 %.*migrateAttributes running, 1 failed/);
  t.notRegex(watched.stdout, /█/);
  const listed = await runInWorld(['list'], terminal);
  t.regex(listed.stdout, /^FILE ID +SIZE  CREATED/);
  t.regex(listed.stdout, /1 B .*a\\u\{0a\}b/);
  const quiet = await runInWorld(
    ['operations', 'watch', someOperationId, '--no-progress'],
    terminal,
  );
  t.notRegex(quiet.stderr, /█/);
});

test('an upload on a terminal shows a bar of its bytes', async (t) => {
  const folder = await makeFolder(t);
  await mkdir(join(folder, 'in'));
  await writeFile(join(folder, 'in', 'big.bin'), Buffer.alloc(3_000_000));
  await using server = await startRecordingServer((request) => stored(request));
  const result = await runInWorld(['upload', join(folder, 'in')], { ...server, isTty: true });
  t.is(result.code, 0, result.stderr);
  t.regex(result.stderr, /2\.9 MiB of 2\.9 MiB|of 2\.9 MiB/);
  t.regex(result.stderr, /1 stored; 2\.9 MiB in/);
});

async function startRawServer(
  t: ExecutionContext,
  onConnection: (socket: Socket) => void,
): Promise<URL> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

test('a refusal that comes before the body was sent is read', async (t) => {
  const url = await startRawServer(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlate');
    });
  });
  using http = createHttpClient();
  const source = new Readable({
    read() {
      this.push(Buffer.alloc(65_536));
    },
  });
  const closed = once(source, 'close');
  const answer = await http.send({
    method: 'POST',
    url,
    headers: {},
    body: { sizeBytes: 10_000_000_000, open: () => source },
    signal: new AbortController().signal,
  });
  t.is(answer.status, 413);
  let text = '';
  for await (const chunk of answer.body) text += String(chunk);
  t.is(text, 'late');
  // Nothing more is read to be sent.
  await closed;
});

test('a server that says nothing is not waited for without end', async (t) => {
  const url = await startRawServer(t, () => {});
  using http = createHttpClient({ connectMs: 10_000, idleMs: 100 });
  const { signal } = new AbortController();
  const request = { method: 'GET', url, headers: {}, body: null, signal };
  const error = await t.throwsAsync(http.send(request), { instanceOf: ConnectionError });
  t.true(error?.wasSent);
  t.regex(error?.message ?? '', /no byte for 100 ms/);
});

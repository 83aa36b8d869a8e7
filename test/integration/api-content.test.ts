import { createHash, randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openRaw } from '#test/support/raw-http.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

interface Stored {
  readonly id: string;
  readonly path: string;
  readonly content: Buffer;
  readonly etag: string;
}

async function store(content: Buffer, name = 'x.bin', type = 'text/plain'): Promise<Stored> {
  const response = await api.fetch(`/api/v1/files?filename=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'Content-Type': type },
    body: content,
  });
  const file = (await response.json()) as {
    file_id: string;
    storage: { element_id: string; path: string };
  };
  return {
    id: file.file_id,
    path: join(api.rootOf(file.storage.element_id), file.storage.path),
    content,
    etag: `"${createHash('sha256').update(content).digest('hex')}"`,
  };
}

const read = (file: Stored, headers: Record<string, string> = {}, method = 'GET') =>
  api.fetch(`/api/v1/files/${file.id}/content`, { method, headers });

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

const stateOf = async (file: Stored) =>
  ((await (await api.fetch(`/api/v1/files/${file.id}`)).json()) as { state: string }).state;

const ten = Buffer.from('0123456789');

for (const [range, expected, contentRange] of [
  ['bytes=0-0', '0', 'bytes 0-0/10'],
  ['bytes=2-5', '2345', 'bytes 2-5/10'],
  ['bytes=7-', '789', 'bytes 7-9/10'],
  ['bytes=-3', '789', 'bytes 7-9/10'],
  ['bytes=-300', '0123456789', 'bytes 0-9/10'],
  ['bytes=0-', '0123456789', 'bytes 0-9/10'],
  ['bytes=8-100', '89', 'bytes 8-9/10'],
  ['BYTES = 1-2', '12', 'bytes 1-2/10'],
  ['bytes=20-30, 1-2', '12', 'bytes 1-2/10'],
] as const) {
  test(`one range: ${range}`, async (t) => {
    const file = await store(ten);
    const response = await read(file, { Range: range });
    t.is(response.status, 206);
    t.is(response.headers.get('content-range'), contentRange);
    t.is(response.headers.get('content-length'), String(expected.length));
    t.is(response.headers.get('content-type'), 'text/plain');
    t.is(await response.text(), expected);
  });
}

test('several ranges come as multipart/byteranges, in the order they were asked for', async (t) => {
  const file = await store(ten);
  const response = await read(file, { Range: 'bytes=7-8, 0-1, -1' });
  t.is(response.status, 206);
  t.is(response.headers.get('content-range'), null);
  const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(
    response.headers.get('content-type') ?? '',
  )?.[1];
  const body = await response.text();
  t.is(response.headers.get('content-length'), String(body.length));
  const piece = (range: string, text: string) =>
    `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${range}/10\r\n\r\n${text}`;
  t.is(
    body,
    `${piece('7-8', '78')}${piece('0-1', '01')}${piece('9-9', '9')}\r\n--${boundary}--\r\n`,
  );
});

for (const range of ['bytes=10-', 'bytes=10-12', 'bytes=-0', `bytes=${'0-0,'.repeat(40)}1-1`]) {
  test(`a range that cannot be satisfied: ${range.slice(0, 20)}`, async (t) => {
    const file = await store(ten);
    const response = await read(file, { Range: range });
    t.is(response.status, 416);
    t.is(response.headers.get('content-range'), 'bytes */10');
    t.like(await response.json(), { code: 'RANGE_NOT_SATISFIABLE', status: 416 });
  });
}

for (const range of [
  'lines=1-2',
  'bytes=5-2',
  'bytes=a-b',
  'bytes',
  'bytes=',
  'bytes=0-9,0-9',
  'bytes=-',
]) {
  test(`a range that is to be ignored: ${range}`, async (t) => {
    const file = await store(ten);
    const response = await read(file, { Range: range });
    t.is(response.status, 200);
    t.is(await response.text(), ten.toString());
  });
}

test('an empty file: whole, by ranges, by HEAD', async (t) => {
  const file = await store(Buffer.alloc(0));
  const whole = await read(file);
  t.is(whole.status, 200);
  t.is(whole.headers.get('content-length'), '0');
  t.is((await bytesOf(whole)).length, 0);
  const from = await read(file, { Range: 'bytes=0-' });
  t.is(from.status, 416);
  t.is(from.headers.get('content-range'), 'bytes */0');
  t.is((await read(file, { Range: 'bytes=-5' })).status, 200);
  t.is((await read(file, {}, 'HEAD')).headers.get('content-length'), '0');
});

test('If-Range keeps the range only for exactly this content', async (t) => {
  const file = await store(ten);
  const lastModified = (await read(file)).headers.get('last-modified') ?? '';
  const Range = 'bytes=0-1';
  for (const [condition, status] of [
    [file.etag, 206],
    [lastModified, 206],
    ['"other"', 200],
    [`W/${file.etag}`, 200],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 200],
    ['nonsense', 200],
  ] as const) {
    const response = await read(file, { Range, 'If-Range': condition });
    t.is(response.status, status, condition);
    await response.arrayBuffer();
  }
});

test('conditions on the content', async (t) => {
  const file = await store(ten);
  for (const [headers, status] of [
    [{ 'If-None-Match': file.etag }, 304],
    [{ 'If-None-Match': `"x", W/${file.etag}` }, 304],
    [{ 'If-None-Match': '*' }, 304],
    [{ 'If-None-Match': '"x"' }, 200],
    [{ 'If-Match': file.etag }, 200],
    [{ 'If-Match': '*' }, 200],
    [{ 'If-Match': '"x"' }, 412],
    [{ 'If-Match': `W/${file.etag}` }, 412],
    [{ 'If-Modified-Since': new Date(Date.now() + 86_400_000).toUTCString() }, 304],
    [{ 'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200],
    [{ 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 412],
    [{ 'If-None-Match': file.etag, Range: 'bytes=0-1' }, 304],
    [{ 'If-Match': '"x"', Range: 'bytes=50-' }, 412],
  ] as const) {
    for (const method of ['GET', 'HEAD']) {
      const response = await read(file, headers, method);
      t.is(response.status, status, `${method} ${JSON.stringify(headers)}`);
      if (status === 304) t.is(response.headers.get('etag'), file.etag);
      await response.arrayBuffer();
    }
  }
});

test('HEAD answers like GET without a body, and Range means nothing to it', async (t) => {
  const file = await store(ten);
  const get = await read(file);
  await get.arrayBuffer();
  const head = await read(file, { Range: 'bytes=0-1' }, 'HEAD');
  t.is(head.status, 200);
  for (const name of [
    'etag',
    'content-length',
    'content-type',
    'repr-digest',
    'accept-ranges',
    'content-disposition',
    'last-modified',
  ]) {
    t.is(head.headers.get(name), get.headers.get(name), name);
  }
  t.is(await head.text(), '');
});

test('content is an attachment that no browser runs, with its digest', async (t) => {
  const file = await store(Buffer.from('<script>alert(1)</script>'), 'x.html', 'text/html');
  const response = await read(file);
  const digest = `sha-256=:${createHash('sha256').update(file.content).digest('base64')}:`;
  t.regex(response.headers.get('content-disposition') ?? '', /^attachment;/);
  t.is(response.headers.get('x-content-type-options'), 'nosniff');
  t.is(response.headers.get('content-security-policy'), "default-src 'none'; sandbox");
  t.is(response.headers.get('repr-digest'), digest);
  t.is(response.headers.get('content-digest'), digest);
  t.is(await response.text(), file.content.toString());
});

const big = Buffer.alloc(3_000_000, 'document ');

test('a large file comes back byte for byte, whole and in ranges over chunk borders', async (t) => {
  const file = await store(big);
  t.true((await bytesOf(await read(file))).equals(big));
  const part = await bytesOf(await read(file, { Range: 'bytes=262000-1050000' }));
  t.true(part.equals(big.subarray(262_000, 1_050_001)));
});

test('a receiver that lags behind gets every byte, though the memory of chunks is used again', async (t) => {
  // More than the sockets hold, and no two chunks alike.
  const file = await store(randomBytes(32_000_000));
  const response = await read(file);
  // Without waiting for the receiver the whole file would be read meanwhile.
  for (let round = 0; round < 50; round += 1) await stateOf(file);
  t.true((await bytesOf(response)).equals(file.content));
});

test('damage: the answer never looks whole; one bad reading is suspect, two are corrupt', async (t) => {
  const file = await store(big);
  const damaged = Buffer.from(big);
  damaged[1_500_000] = damaged[1_500_000]! ^ 1;
  await writeFile(file.path, damaged);
  await t.throwsAsync(async () => (await read(file)).arrayBuffer());
  t.is(await stateOf(file), 'suspect');

  await writeFile(file.path, big);
  t.true((await bytesOf(await read(file))).equals(big));
  t.is(await stateOf(file), 'stored');

  await writeFile(file.path, damaged);
  await t.throwsAsync(async () => (await read(file)).arrayBuffer());
  await t.throwsAsync(async () => (await read(file)).arrayBuffer());
  t.is(await stateOf(file), 'corrupt');
  const refused = await read(file);
  t.is(refused.status, 500);
  t.like(await refused.json(), { code: 'CONTENT_CORRUPT' });
});

test('damage to a small file is found before anything is sent', async (t) => {
  const file = await store(ten);
  await writeFile(file.path, '0123456780');
  const response = await read(file);
  t.is(response.status, 500);
  t.is(response.headers.get('content-disposition'), null);
  t.like(await response.json(), { code: 'CONTENT_CORRUPT' });
  await writeFile(file.path, '012345678');
  t.is((await read(file)).status, 500);
  t.is(await stateOf(file), 'corrupt');
});

test('content that is not there is missing, and stored again when it is back', async (t) => {
  const file = await store(ten);
  await rename(file.path, `${file.path}.away`);
  const response = await read(file);
  t.is(response.status, 404);
  t.like(await response.json(), { code: 'CONTENT_MISSING' });
  t.is(await stateOf(file), 'missing');
  await rename(`${file.path}.away`, file.path);
  t.is(await (await read(file)).text(), ten.toString());
  t.is(await stateOf(file), 'stored');
});

test.serial(
  'an element without its marker is unavailable, and nothing becomes missing',
  async (t) => {
    const file = await store(ten);
    const marker = join(api.rootOf('edit-01'), '.artstore', 'element.json');
    await rename(file.path, `${file.path}.away`);
    await rename(marker, `${marker}.away`);
    try {
      const response = await read(file);
      t.is(response.status, 503);
      t.truthy(response.headers.get('retry-after'));
      t.like(await response.json(), { code: 'ELEMENT_UNAVAILABLE' });
      t.is(await stateOf(file), 'stored');
    } finally {
      await rename(`${marker}.away`, marker);
      await rename(`${file.path}.away`, file.path);
    }
  },
);

test('a receiver that goes away in the middle is no error of ours', async (t) => {
  const file = await store(Buffer.alloc(30_000_000, 'x'));
  const { token } = await api.createClient('READONLY');
  {
    using connection = await openRaw(api.port);
    await connection.send(
      `GET /api/v1/files/${file.id}/content HTTP/1.1\r\nHost: x\r\nX-Request-Id: gone\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    await new Promise((resolve) => {
      connection.socket.once('data', resolve);
    });
  }
  while (!api.log.some((entry) => entry['request_id'] === 'gone')) await stateOf(file);
  t.like(
    api.log.find((entry) => entry['request_id'] === 'gone'),
    { level: 'info', aborted: true },
  );
  t.is(await stateOf(file), 'stored');
});

test('unknown, malformed and absent ids are 404', async (t) => {
  for (const id of ['00000000-0000-4000-8000-000000000000', 'not-a-uuid']) {
    for (const path of ['', '/content', '/attributes']) {
      const response = await api.fetch(`/api/v1/files/${id}${path}`);
      t.is(response.status, 404, `${id}${path}`);
      t.like(await response.json(), { code: 'FILE_NOT_FOUND' });
    }
  }
});

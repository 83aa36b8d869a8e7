import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import test from 'ava';
import { limits } from '#domain/limits.ts';
import { patchFile, readSidecar, storeFile, type StoredFile } from '#test/support/api-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

const sha256Hex = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

test('a patch changes what it names, on disk and for the next reader, and nothing else', async (t) => {
  const custom = encodeURIComponent(
    '{"number":12345678901234567890,"nested":{"kept":1.10,"gone":1}}',
  );
  const stored = await storeFile(api, { query: `&custom_attributes=${custom}&tags=a&version=1` });
  const answer = await patchFile(
    api,
    stored,
    '{"description":"Договор поставки","tags":["б"],"custom_attributes":{"nested":{"gone":null,"big":98765432109876543210}}}',
  );
  t.is(answer.status, 200, JSON.stringify(answer.body));
  const sidecar = await readSidecar(stored);
  t.is(answer.etag, `"${sha256Hex(sidecar)}"`);
  const text = sidecar.toString();
  t.true(
    text.includes(
      '{"number":12345678901234567890,"nested":{"kept":1.10,"big":98765432109876543210}}',
    ),
    text,
  );
  const document = JSON.parse(text) as Record<string, unknown>;
  t.like(document, {
    description: 'Договор поставки',
    version: '1',
    tags: ['б'],
    revision: 2,
    schema_version: '2.0',
  });
  t.true((document['updated_at'] as string) > stored.file.updated_at.replace('Z', '+00:00'));

  const read = await api.fetch(stored.path);
  t.is(read.headers.get('etag'), answer.etag);
  t.deepEqual(await read.json(), answer.body);
  const parsed = api.ports.codec.parseSidecar(sidecar, { storagePath: '', storageFilename: '' });
  t.is(parsed.integrity, 'valid');
});

test('a patch that changes nothing writes nothing', async (t) => {
  const stored = await storeFile(api, { query: '&tags=a&description=d' });
  const before = await readSidecar(stored);
  for (const patch of [{}, { description: 'd' }, { tags: ['a'], metadata: { absent: null } }]) {
    const answer = await patchFile(api, stored, patch);
    t.is(answer.status, 200);
    t.is(answer.etag, stored.etag);
    t.like(answer.body, { revision: 1 });
  }
  t.deepEqual(await readSidecar(stored), before);
});

test('null takes away what may be absent', async (t) => {
  const stored = await storeFile(api, {
    query: `&description=d&version=1&metadata=${encodeURIComponent('{"a":1,"b":2}')}`,
  });
  const first = await patchFile(api, stored, {
    description: null,
    version: null,
    metadata: { a: null },
  });
  t.like(first.body, { description: null, version: null, metadata: { b: 2 } });
  const second = await patchFile(api, stored, { metadata: null }, { ifMatch: first.etag });
  t.like(second.body, { metadata: {}, revision: 3 });
});

test('If-Match is required; only the present strong tag matches', async (t) => {
  const stored = await storeFile(api);
  const patch = { description: 'x' };
  const status = async (ifMatch: string | null) =>
    (await patchFile(api, stored, patch, { ifMatch })).body['code'] ?? 'changed';
  t.is(await status(null), 'PRECONDITION_REQUIRED');
  for (const tag of [
    '"other"',
    `W/${stored.etag}`,
    `w/${stored.etag}`,
    stored.etag.slice(1, -1),
    '',
  ]) {
    t.is(await status(tag), 'PRECONDITION_FAILED', tag);
  }
  t.is(await status(`"other", ${stored.etag}`), 'changed');
  t.is(await status(stored.etag), 'PRECONDITION_FAILED');
  const answer = await patchFile(api, stored, { description: 'y' }, { ifMatch: '*' });
  t.like(answer.body, { description: 'y', revision: 3 });
});

test('both media types, with and without parameters, and no other', async (t) => {
  const stored = await storeFile(api);
  for (const [contentType, status] of [
    ['application/json', 200],
    ['application/merge-patch+json; charset=utf-8', 200],
    ['application/json-patch+json', 415],
    ['text/plain', 415],
  ] as const) {
    const answer = await patchFile(api, stored, {}, { contentType });
    t.is(answer.status, status, contentType);
  }
});

const deep = (levels: number) => `{"metadata":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`;

for (const [title, patch, status, code, pointer] of [
  [
    'the id of another file',
    { file_id: '00000000-0000-4000-8000-000000000000' },
    422,
    'REQUEST_INVALID',
    '/file_id',
  ],
  ['its checksum', { checksum: '0'.repeat(64) }, 422, 'REQUEST_INVALID', '/checksum'],
  ['the revision', { revision: 7 }, 422, 'REQUEST_INVALID', '/revision'],
  ['an unknown member', { 'colour/~': 'red' }, 422, 'REQUEST_INVALID', '/colour~1~0'],
  ['tags that are null', { tags: null }, 422, 'REQUEST_INVALID', '/tags'],
  [
    'custom attributes that are null',
    { custom_attributes: null },
    422,
    'REQUEST_INVALID',
    '/custom_attributes',
  ],
  ['retention that is null', { retention: null }, 422, 'REQUEST_INVALID', '/retention'],
  ['a tag that is null', { tags: ['a', null] }, 422, 'REQUEST_INVALID', '/tags/1'],
  ['a description that is a number', { description: 1 }, 422, 'REQUEST_INVALID', '/description'],
  ['metadata that are a list', { metadata: [1] }, 422, 'REQUEST_INVALID', '/metadata'],
  [
    'a number that nobody can read',
    '{"metadata":{"n":1e999}}',
    422,
    'REQUEST_INVALID',
    '/metadata/n',
  ],
  ['NUL', { metadata: { a: '\0' } }, 422, 'REQUEST_INVALID', '/metadata/a'],
  ['an array', [1], 422, 'REQUEST_INVALID', ''],
  ['null', 'null', 422, 'REQUEST_INVALID', ''],
  [
    'another policy',
    { retention: { policy: 'permanent' } },
    422,
    'REQUEST_INVALID',
    '/retention/policy',
  ],
  ['holds', { retention: { legal_holds: [] } }, 422, 'REQUEST_INVALID', '/retention/legal_holds'],
  [
    'an expiry that is null',
    { retention: { expires_at: null } },
    422,
    'REQUEST_INVALID',
    '/retention/expires_at',
  ],
  [
    'an expiry in the past',
    { retention: { expires_at: '2020-01-01T00:00:00Z' } },
    422,
    'REQUEST_INVALID',
    '/retention/expires_at',
  ],
  [
    'an expiry too far away',
    { retention: { expires_at: inDays(limits.ttlDaysMax + 1) } },
    422,
    'REQUEST_INVALID',
    '/retention/expires_at',
  ],
  [
    '31 February',
    { retention: { retain_until: '2040-02-31T00:00:00Z' } },
    422,
    'REQUEST_INVALID',
    '/retention/retain_until',
  ],
  [
    'attributes that grow too large',
    { description: 'ж'.repeat(1800) },
    422,
    'ATTRIBUTES_TOO_LARGE',
    null,
  ],
  ['broken JSON', '{"description":', 400, 'REQUEST_MALFORMED', ''],
  ['an empty body', '', 400, 'REQUEST_MALFORMED', ''],
  ['a duplicate key', '{"version":"1","version":"2"}', 400, 'REQUEST_MALFORMED', ''],
  ['a byte-order mark', '\uFEFF{}', 400, 'REQUEST_MALFORMED', ''],
  ['deep JSON', deep(10_000), 400, 'REQUEST_MALFORMED', ''],
  ['JSON one level too deep', deep(limits.jsonDepth), 400, 'REQUEST_MALFORMED', ''],
  ['a megabyte', { description: 'x'.repeat(1_048_576) }, 413, 'BODY_TOO_LARGE', null],
] as const) {
  test(`refused, the sidecar untouched: ${title}`, async (t) => {
    const stored = await storeFile(api, { query: '&description=before' });
    const before = await readSidecar(stored);
    const answer = await patchFile(api, stored, patch);
    t.is(answer.status, status, JSON.stringify(answer.body));
    t.is(answer.body['code'], code);
    const faults = (answer.body['errors'] ?? []) as { pointer: string }[];
    t.deepEqual(
      faults.map((fault) => fault.pointer),
      pointer === null ? [] : [pointer],
    );
    t.deepEqual(await readSidecar(stored), before);
    t.is((await api.fetch(stored.path)).headers.get('etag'), stored.etag);
  });
}

test('all faults at once', async (t) => {
  const stored = await storeFile(api);
  const { body } = await patchFile(api, stored, {
    file_id: 'x',
    tags: [1],
    version: 'v'.repeat(limits.versionChars + 1),
    retention: { retain_until: 'never', policy: 'x' },
  });
  t.deepEqual((body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer).sort(), [
    '/file_id',
    '/retention/policy',
    '/retention/retain_until',
    '/tags/0',
    '/version',
  ]);
});

test('retention: retain_until only moves later, an expiry is for temporary files', async (t) => {
  const stored = await storeFile(api, { query: '&retention_policy=permanent' });
  const until = '2050-01-01T00:00:00.123456789Z';
  const first = await patchFile(api, stored, { retention: { retain_until: until } });
  t.like(first.body, { retention: { policy: 'permanent', retain_until: until } });
  const { etag: ifMatch } = first;
  for (const earlier of ['2050-01-01T00:00:00.123456788Z', null]) {
    const answer = await patchFile(
      api,
      stored,
      { retention: { retain_until: earlier } },
      { ifMatch },
    );
    t.is(answer.status, 422);
  }
  const expiry = { retention: { expires_at: inDays(10) } };
  t.is((await patchFile(api, stored, expiry, { ifMatch })).status, 422);
  const later = { retention: { retain_until: '2051-01-01T00:00:00Z' } };
  t.is((await patchFile(api, stored, later, { ifMatch })).status, 200);

  const temporary = await storeFile(api);
  t.is((await patchFile(api, temporary, expiry)).status, 200);
});

test('retention may use the bytes that are kept free, and does not count against the rest', async (t) => {
  const stored = await storeFile(api, { query: '&retention_policy=permanent' });
  const free =
    limits.sidecarSizeBytes - limits.sidecarReserveBytes - (await readSidecar(stored)).length;
  // The first change takes away `null` of the empty description.
  const description = 'x'.repeat(free + 'null'.length - 2);
  const full = await patchFile(api, stored, { description });
  t.is((await readSidecar(stored)).length, limits.sidecarSizeBytes - limits.sidecarReserveBytes);
  const more = await patchFile(api, stored, { version: '123' }, { ifMatch: full.etag });
  t.like(more.body, { code: 'ATTRIBUTES_TOO_LARGE', limit_bytes: 3584 });
  const retention = { retain_until: '2050-01-01T00:00:00Z' };
  const kept = await patchFile(api, stored, { retention }, { ifMatch: full.etag });
  t.is(kept.status, 200);
  const other = await patchFile(
    api,
    stored,
    { description: 'y'.repeat(description.length) },
    { ifMatch: kept.etag },
  );
  t.is(other.status, 200);
});

test('a sidecar of version 1.0 becomes 2.0 with everything that it had', async (t) => {
  const stored = await storeFile(api);
  await makeOld(
    stored,
    { department: 'Бухгалтерия', x_source: { id: 17 } },
    '"x_number": 12345678901234567890',
  );
  const { etag } = await headOf(stored);
  const answer = await patchFile(api, { ...stored, etag }, { description: 'Новое' });
  t.like(answer.body, { revision: 2, retention: { policy: 'permanent' }, schema_version: '2.0' });
  const text = (await readSidecar(stored)).toString();
  t.true(text.includes('"x_number":12345678901234567890'), text);
  t.like(JSON.parse(text) as object, {
    schema_version: '2.0',
    description: 'Новое',
    department: 'Бухгалтерия',
    x_source: { id: 17 },
    custom_attributes: {},
    retention: { policy: 'permanent' },
    revision: 2,
  });
});

test('keys that somebody else uses for something else stay as they are', async (t) => {
  const stored = await storeFile(api);
  await makeOld(stored, { tags: 'a,b', revision: 'draft', retention: { days: 5 } });
  const { etag } = await headOf(stored);
  const tags = await patchFile(api, { ...stored, etag }, { tags: ['x'] });
  t.like(tags.body, { status: 422, errors: [{ pointer: '/tags' }] });
  const locked = await patchFile(
    api,
    { ...stored, etag },
    { retention: { retain_until: inDays(9) } },
  );
  t.like(locked.body, { status: 422, errors: [{ pointer: '/retention' }] });
  t.is((await patchFile(api, { ...stored, etag }, { version: '2' })).status, 200);
  t.like(JSON.parse((await readSidecar(stored)).toString()) as object, {
    version: '2',
    tags: 'a,b',
    revision: 'draft',
    retention: { days: 5 },
  });
});

test('the mode of the element decides; others may change what a USER stored', async (t) => {
  const owner = await api.createClient('USER');
  const other = await api.createClient('USER');
  const stored = await storeFile(api, { token: owner.token });
  const { status } = await patchFile(api, stored, { version: '2' }, { token: other.token });
  t.is(status, 200);

  const frozen = await startTestApi();
  try {
    const file = await storeFile(frozen, { query: '&retention_policy=permanent' });
    await frozen.database.query({ text: `update storage_elements set mode = 'ro'` });
    const answer = await patchFile(frozen, file, { version: '2' });
    t.like(answer.body, { status: 409, mode: 'ro', operation: 'update-attributes' });
    t.is(answer.body['code'], 'MODE_FORBIDS_OPERATION');
  } finally {
    await frozen[Symbol.asyncDispose]();
  }
});

async function headOf({ path }: StoredFile): Promise<{ etag: string }> {
  return { etag: (await api.fetch(path)).headers.get('etag') ?? '' };
}

/** Puts a sidecar of version 1.0 into the place of the new one, as an adopted archive would have it. */
async function makeOld(stored: StoredFile, extra: object, rawMember = ''): Promise<void> {
  const old = await api.fetch(`${stored.path}/attributes?schema_version=1.0`);
  const document = { ...((await old.json()) as object), ...extra };
  const text = JSON.stringify(document, null, 2);
  const sidecar = rawMember === '' ? text : text.replace(/\n\}$/, `,\n  ${rawMember}\n}`);
  await writeFile(stored.sidecarPath, sidecar);
  const { codec } = api.ports;
  const parsed = codec.parseSidecar(Buffer.from(sidecar), { storagePath: '', storageFilename: '' });
  await api.database.query(
    { text: 'update files set attributes = $2::json, sidecar_digest = $3 where file_id = $1' },
    [stored.file.file_id, JSON.stringify(parsed.attributes), parsed.digest],
  );
}

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { attributesSchemas } from '#domain/attributes/attributes-schemas.ts';
import { routes } from '#api/routes.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

interface FileJson {
  readonly file_id: string;
  readonly original_filename: string;
  readonly file_size: number;
  readonly storage: { readonly element_id: string; readonly path: string };
}

async function store(name: string, content = 'x', query = ''): Promise<FileJson> {
  const response = await api.fetch(`/api/v1/files?filename=${encodeURIComponent(name)}${query}`, {
    method: 'POST',
    body: content,
  });
  return (await response.json()) as FileJson;
}

interface Page {
  readonly items: readonly FileJson[];
  readonly next_cursor: string | null;
  readonly total?: number;
}

const list = async (query: string) => {
  const response = await api.fetch(`/api/v1/files?${query}`);
  return { status: response.status, page: (await response.json()) as Page & { code?: string } };
};

for (const sort of ['created_at', 'updated_at', 'file_size', 'original_filename']) {
  for (const order of ['asc', 'desc']) {
    test(`pages by cursor: every file once, in order of ${sort} ${order}`, async (t) => {
      const tag = `${sort}-${order}`;
      for (const name of ['б', 'a', 'Б', 'a', 'я'.repeat(400)]) {
        await store(name, 'x'.repeat(name.length), `&tags=${tag}`);
      }
      const seen: FileJson[] = [];
      let cursor = '';
      for (let pages = 0; pages < 5; pages += 1) {
        const query = `tag=${tag}&sort=${sort}&order=${order}&limit=2${cursor}`;
        const { status, page } = await list(query);
        t.is(status, 200, JSON.stringify(page));
        seen.push(...page.items);
        if (page.next_cursor === null) break;
        cursor = `&cursor=${page.next_cursor}`;
      }
      t.is(seen.length, 5);
      t.is(new Set(seen.map(({ file_id }) => file_id)).size, 5);
      const sizes = seen.map(({ file_size }) => file_size);
      if (sort === 'file_size') {
        t.deepEqual(
          sizes,
          sizes.toSorted((a, b) => (order === 'asc' ? a - b : b - a)),
        );
      }
      const all = await list(`tag=${tag}&include=total`);
      t.is(all.page.total, 5);
    });
  }
}

test('a cursor belongs to its filters and order, and cannot be made up', async (t) => {
  for (let count = 0; count < 3; count += 1) await store('c', 'x', '&tags=cursor');
  const { page } = await list('tag=cursor&limit=1');
  const cursor = page.next_cursor ?? '';
  t.is((await list(`tag=cursor&limit=2&cursor=${cursor}`)).status, 200);
  const last = cursor.at(-5) === 'A' ? 'B' : 'A';
  for (const query of [
    `tag=other&cursor=${cursor}`,
    `tag=cursor&order=asc&cursor=${cursor}`,
    `tag=cursor&sort=file_size&cursor=${cursor}`,
    `cursor=${cursor}`,
    `tag=cursor&cursor=${cursor.slice(0, -5)}${last}${cursor.slice(-4)}`,
    `tag=cursor&cursor=${'x'.repeat(4097)}`,
    'tag=cursor&cursor=',
  ]) {
    const answer = await list(query);
    t.is(answer.status, 400, query);
    t.is(answer.page.code, 'CURSOR_INVALID');
  }
});

test('filters', async (t) => {
  const file = await store('Фильтр 1.txt', 'abc', '&tags=filter&retention_policy=permanent');
  const from = '2020-01-01T00:00:00Z';
  for (const [query, isFound] of [
    [`filename=${encodeURIComponent('Фильтр 1.txt')}`, true],
    ['tag=filter', true],
    ['tag=filter&element_id=rw-01', true],
    ['tag=filter&element_id=edit-01', false],
    ['tag=filter&retention_policy=permanent', true],
    ['tag=filter&retention_policy=temporary', false],
    ['tag=filter&state=stored', true],
    ['tag=filter&state=corrupt', false],
    ['tag=filter&username=tester-admin', true],
    ['tag=filter&username=nobody', false],
    [`tag=filter&created_from=${from}`, true],
    [`tag=filter&created_to=${from}`, false],
  ] as const) {
    const { page } = await list(query);
    t.is(
      page.items.some(({ file_id }) => file_id === file.file_id),
      isFound,
      query,
    );
  }
});

test('attributes of a file by condition', async (t) => {
  const file = await store('conditions.txt');
  const path = `/api/v1/files/${file.file_id}`;
  for (const address of [path, `${path}/attributes`]) {
    const etag = (await api.fetch(address)).headers.get('etag') ?? '';
    const unchanged = await api.fetch(address, { headers: { 'If-None-Match': etag } });
    t.is(unchanged.status, 304);
    t.is(unchanged.headers.get('etag'), etag);
    t.is(await unchanged.text(), '');
    t.is((await api.fetch(address, { headers: { 'If-None-Match': '"x"' } })).status, 200);
    const head = await api.fetch(address, { method: 'HEAD' });
    t.is(head.status, 200);
    t.is(head.headers.get('etag'), etag);
    t.true(Number(head.headers.get('content-length')) > 0);
  }
});

test('the sidecar comes byte for byte, and in the old form with what it lost', async (t) => {
  const file = await store('sidecar.txt', 'x', '&metadata=%7B%22n%22%3A12345678901234567890%7D');
  const path = join(api.rootOf(file.storage.element_id), `${file.storage.path}.attr.json`);
  const onDisk = await readFile(path);
  const sidecar = await api.fetch(`/api/v1/files/${file.file_id}/attributes`);
  t.is(sidecar.headers.get('content-type'), 'application/json');
  t.is(sidecar.headers.get('etag'), `"${createHash('sha256').update(onDisk).digest('hex')}"`);
  t.deepEqual(Buffer.from(await sidecar.arrayBuffer()), onDisk);
  const same = await api.fetch(`/api/v1/files/${file.file_id}/attributes?schema_version=2.0`);
  t.deepEqual(Buffer.from(await same.arrayBuffer()), onDisk);

  const old = await api.fetch(`/api/v1/files/${file.file_id}/attributes?schema_version=1.0`);
  t.is(
    old.headers.get('artstore-dropped'),
    'schema_version, custom_attributes, tags, retention, revision, integrity',
  );
  const text = await old.text();
  t.true(text.includes('{"n":12345678901234567890}'));
  const document = JSON.parse(text) as Record<string, unknown>;
  t.false('schema_version' in document);
  t.is(document['file_id'], file.file_id);
});

test('a sidecar that was changed from outside is shown to nobody', async (t) => {
  const file = await store('changed.txt');
  const path = join(api.rootOf(file.storage.element_id), `${file.storage.path}.attr.json`);
  const text = await readFile(path, 'utf8');
  for (const changed of [text.replace('changed.txt', 'CHANGED.txt'), '{', '']) {
    await writeFile(path, changed);
    const response = await api.fetch(`/api/v1/files/${file.file_id}/attributes`);
    t.is(response.status, 500);
    t.like(await response.json(), { code: 'SIDECAR_CORRUPT' });
  }
});

test('an upload is an operation', async (t) => {
  const file = await store('operation.txt');
  const response = await api.fetch(`/api/v1/operations/${file.file_id}`);
  t.is(response.status, 200);
  t.like(await response.json(), {
    operation_id: file.file_id,
    kind: 'storeFiles',
    state: 'completed',
    error: null,
    subject: { type: 'file', id: file.file_id },
    result: { file_id: file.file_id },
  });
});

test('the schemas of the sidecar', async (t) => {
  const listed = (await (await api.fetch('/api/v1/schemas')).json()) as {
    items: { version: string; links: { self: string } }[];
  };
  t.deepEqual(
    listed.items.map(({ version }) => version),
    ['1.0', '2.0'],
  );
  for (const { version, links } of listed.items) {
    const response = await api.fetch(links.self);
    t.is(response.headers.get('content-type'), 'application/schema+json');
    t.deepEqual(await response.json(), attributesSchemas[version as '1.0']);
  }
});

test('OpenAPI describes exactly the routes that answer', async (t) => {
  const response = await api.fetch('/openapi.json', { token: null });
  const document = (await response.json()) as {
    openapi: string;
    paths: Record<
      string,
      Record<string, { operationId: string; responses: object; security: object[] }>
    >;
  };
  t.is(document.openapi, '3.1.0');
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((method) => method !== 'head')
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.deepEqual(
    described.toSorted(),
    routes.map(({ method, path }) => `${method} ${path}`).toSorted(),
  );
  for (const { method, path, answers, policy } of routes) {
    const operation = document.paths[path]?.[method.toLowerCase()];
    for (const status of Object.keys(answers)) t.true(status in (operation?.responses ?? {}));
    t.is(operation?.security.length === 0, policy === 'public');
  }
});

test('the page to read is static and runs nothing inline', async (t) => {
  const page = await api.fetch('/docs', { token: null });
  const html = await page.text();
  const policy = page.headers.get('content-security-policy') ?? '';
  t.regex(policy, /script-src 'self'(;|$)/);
  t.notRegex(policy, /unsafe/);
  t.notRegex(html, /<script>|<style|style=|onload=/);
  for (const [, address] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
    const asset = await api.fetch(address ?? '', { token: null });
    t.is(asset.status, 200, address);
    t.true((await asset.arrayBuffer()).byteLength > 100);
  }
  t.is((await api.fetch('/docs/assets/package.json', { token: null })).status, 404);
  const errors = await (await api.fetch('/docs/errors', { token: null })).text();
  t.true(errors.includes('id="file_not_found"'));
});

test('health says which part is down', async (t) => {
  t.is((await api.fetch('/health/live', { token: null })).status, 200);
  t.is((await api.fetch('/health/startup', { token: null })).status, 200);
  const ready = await api.fetch('/health/ready', { token: null });
  t.is(ready.status, 200);
  t.deepEqual(await ready.json(), { state: 'ready', components: { postgres: 'up' } });
  const sick = await startTestApi(() => ({
    components: [
      { name: 'postgres', isRequired: true, check: () => Promise.reject(new Error('down')) },
      { name: 'temporal', isRequired: false, check: () => new Promise(() => {}) },
    ],
  }));
  try {
    const response = await sick.fetch('/health/ready', { token: null });
    t.is(response.status, 503);
    t.is(response.headers.get('content-type'), 'application/problem+json');
    t.like(await response.json(), {
      code: 'NOT_READY',
      state: 'not_ready',
      components: { postgres: 'down', temporal: 'down' },
    });
  } finally {
    await sick[Symbol.asyncDispose]();
  }
});

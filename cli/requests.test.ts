/** What goes over the wire for each command line; answers come from a server of the test's own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runInWorld, testSecret } from '#test/support/cli-world.ts';
import {
  fileJson,
  operationJson,
  someFileId,
  someOperationId,
  startRecordingServer,
} from '#test/support/recording-server.ts';

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

const operation = { status: 202, body: operationJson() };
const emptyPage = { body: { items: [], next_cursor: null } };
const element = { body: { element_id: 'rw-02', name: 'rw-02' } };
const template = {
  status: 201,
  body: { template: 'invoice@3', created_at: '2026-01-01T00:00:00Z' },
};

const migrations = '/api/v1/migrations';
const elements = '/api/v1/storage-elements';
const operations = '/api/v1/operations';

const commandLines: readonly (readonly [string, object, Sent])[] = [
  [
    'migrate run',
    operation,
    { method: 'POST', path: migrations, body: { source_version: '1.0', target_version: '2.0' } },
  ],
  [
    'migrate run --from 1.0 --to 2.0 --element rw-01 --created-from 2026-01-01 ' +
      '--created-to 2026-02-01T10:00:00+03:00 --map номер=number --map a=b --mapping-policy keep ' +
      '--template invoice@2 --batch-size 200 --concurrency 3 --rate 12.5',
    operation,
    {
      method: 'POST',
      path: migrations,
      body: {
        source_version: '1.0',
        target_version: '2.0',
        selection: {
          element_id: 'rw-01',
          created_at: { from: '2026-01-01T00:00:00Z', to: '2026-02-01T07:00:00Z' },
        },
        mapping: { номер: 'number', a: 'b' },
        mapping_policy: 'keep',
        template: 'invoice@2',
        batch_size: 200,
        concurrency: 3,
        files_per_second: 12.5,
      },
    },
  ],
  [
    `migrate run --file-ids ${someFileId},${someOperationId}`,
    operation,
    {
      method: 'POST',
      path: migrations,
      body: {
        source_version: '1.0',
        target_version: '2.0',
        selection: { file_ids: [someFileId, someOperationId] },
      },
    },
  ],
  [
    `migrate pause ${someOperationId}`,
    operation,
    { method: 'POST', path: `${operations}/${someOperationId}/pause` },
  ],
  [
    `migrate resume ${someOperationId}`,
    operation,
    { method: 'POST', path: `${operations}/${someOperationId}/resume` },
  ],
  [
    `migrate cancel ${someOperationId}`,
    operation,
    { method: 'POST', path: `${operations}/${someOperationId}/cancel` },
  ],
  [
    `migrate throttle ${someOperationId} --rate 5 --concurrency 2`,
    operation,
    {
      method: 'PATCH',
      path: `${migrations}/${someOperationId}`,
      body: { files_per_second: 5, concurrency: 2 },
    },
  ],
  [
    `migrate throttle ${someOperationId} --rate 0`,
    operation,
    { method: 'PATCH', path: `${migrations}/${someOperationId}`, body: { files_per_second: null } },
  ],
  [
    `migrate retry ${someOperationId}`,
    operation,
    { method: 'POST', path: `${migrations}/${someOperationId}/retry`, body: {} },
  ],
  [
    `migrate revert ${someOperationId}`,
    operation,
    { method: 'POST', path: `${migrations}/${someOperationId}/revert`, body: {} },
  ],
  [
    `migrate failures ${someOperationId}`,
    emptyPage,
    { method: 'GET', path: `${migrations}/${someOperationId}/failures?limit=1000` },
  ],
  [
    `operations failures ${someOperationId}`,
    emptyPage,
    { method: 'GET', path: `${operations}/${someOperationId}/failures?limit=1000` },
  ],
  [
    'operations list --kind deleteFile --state failed --limit 7',
    emptyPage,
    { method: 'GET', path: `${operations}?kind=deleteFile&state=failed&limit=7` },
  ],
  [
    `migrate show ${someOperationId}`,
    { body: operationJson({ rate: 12.5 }) },
    { method: 'GET', path: `${migrations}/${someOperationId}` },
  ],
  ['rebuild rw-01', operation, { method: 'POST', path: `${elements}/rw-01/rebuild`, body: {} }],
  [
    'rebuild ../files',
    operation,
    { method: 'POST', path: `${elements}/..%2Ffiles/rebuild`, body: {} },
  ],
  [
    'reconcile rw-01',
    operation,
    { method: 'POST', path: `${elements}/rw-01/reconcile`, body: { apply: false } },
  ],
  [
    'reconcile rw-01 --apply',
    operation,
    { method: 'POST', path: `${elements}/rw-01/reconcile`, body: { apply: true } },
  ],
  ['elements list', emptyPage, { method: 'GET', path: elements }],
  ['elements show rw-02', element, { method: 'GET', path: `${elements}/rw-02` }],
  [
    'elements register rw-02 --path /srv/rw-02 --mode rw --capacity 2G --priority 5 --adopt',
    element,
    {
      method: 'POST',
      path: elements,
      body: {
        element_id: 'rw-02',
        type: 'filesystem',
        mode: 'rw',
        location: { path: '/srv/rw-02' },
        name: 'rw-02',
        priority: 5,
        capacity_bytes: 2_147_483_648,
        adopt: true,
      },
    },
  ],
  [
    'elements update rw-02 --name Основной',
    element,
    { method: 'PATCH', path: `${elements}/rw-02`, body: { name: 'Основной' } },
  ],
  [
    'elements maintenance rw-02',
    element,
    { method: 'PATCH', path: `${elements}/rw-02`, body: { status: 'maintenance' } },
  ],
  [
    'elements online rw-02',
    element,
    { method: 'PATCH', path: `${elements}/rw-02`, body: { status: 'online' } },
  ],
  ['templates list', emptyPage, { method: 'GET', path: '/api/v1/schemas/templates?limit=1000' }],
  [
    'templates list invoice',
    emptyPage,
    { method: 'GET', path: '/api/v1/schemas/templates/invoice?limit=1000' },
  ],
  [
    'templates show invoice@3',
    template,
    { method: 'GET', path: '/api/v1/schemas/templates/invoice/3' },
  ],
  [
    'find поставка --tag a --tag b --min-size 1K --created-from 2026-01-01 --custom сумма:={"gte":5} ' +
      '--extension pdf --mode exact --limit 3',
    emptyPage,
    {
      method: 'POST',
      path: '/api/v1/files/search',
      body: {
        query: 'поставка',
        filters: {
          extension: 'pdf',
          tags: ['a', 'b'],
          custom_attributes: { сумма: { gte: 5 } },
          size: { min: 1024 },
          created_at: { from: '2026-01-01T00:00:00Z' },
        },
        mode: 'exact',
        limit: 3,
      },
    },
  ],
  [
    'list --tag a --element rw-01 --state stored --sort file_size --order asc --limit 2',
    emptyPage,
    {
      method: 'GET',
      path: '/api/v1/files?tag=a&element_id=rw-01&state=stored&sort=file_size&order=asc&limit=2',
    },
  ],
  [
    `show ${someFileId} --schema-version 1.0`,
    { body: {} },
    { method: 'GET', path: `/api/v1/files/${someFileId}/attributes?schema_version=1.0` },
  ],
];

for (const [line, answer, sent] of commandLines) {
  test(`artstore ${line}`, async (t) => {
    await using server = await startRecordingServer(() => answer);
    const result = await runInWorld(line.split(' '), server);
    t.is(result.code, 0, result.stderr);
    const [request] = server.requests;
    t.is(server.requests.length, 1);
    t.is(request?.method, sent.method);
    t.is(request?.path, sent.path);
    t.is(request?.headers.authorization, 'Bearer token-1');
    if (sent.body === undefined) t.is(request?.body.length, 0);
    else t.deepEqual(request?.json(), sent.body);
    t.false((result.stdout + result.stderr).includes(testSecret));
  });
}

test('a plan is a dry run, waits for its end and shows what it found', async (t) => {
  await using server = await startRecordingServer(({ method }) =>
    method === 'POST'
      ? operation
      : {
          body: operationJson({
            state: 'completed',
            progress: { done: 3, failed: 0, skipped: 1, total: 4 },
            result: { to_migrate: 3, by_code: { A: 1 } },
          }),
        },
  );
  const result = await runInWorld(['migrate', 'plan', '--element', 'rw-01'], server);
  t.is(result.code, 0);
  t.like(server.requests[0]?.json(), { dry_run: true });
  t.regex(result.stdout, /completed; 3 of 4 done, 1 skipped/);
  t.regex(result.stdout, /to_migrate +3/);
});

test('the end of an operation decides the exit code', async (t) => {
  const ends = [
    [{ state: 'completed', progress: { done: 2, failed: 1, skipped: 0, total: 3 } }, 1],
    [{ state: 'failed', error: { title: 'Broken', detail: 'It broke.' } }, 7],
    [{ state: 'cancelled' }, 7],
    [{ state: 'completed' }, 0],
  ] as const;
  for (const [members, code] of ends) {
    await using server = await startRecordingServer((_, count) => ({
      body: operationJson(
        count < 3 ? { progress: { done: count, failed: 0, skipped: 0, total: 3 } } : members,
      ),
    }));
    const result = await runInWorld(['migrate', 'watch', someOperationId, '--json'], server);
    t.is(result.code, code);
    const states = result.json().map(({ state }) => state);
    t.deepEqual(states, ['running', 'running', members.state], 'a line per change');
  }
});

test('a rebuild of everything starts one per element that is online', async (t) => {
  const items = [
    { element_id: 'a', status: 'online' },
    { element_id: 'b', status: 'maintenance' },
    { element_id: 'c', status: 'online' },
  ];
  await using server = await startRecordingServer(({ method, path }) => {
    if (method === 'GET') return { body: { items, next_cursor: null } };
    return path.includes('/c/') ? { status: 409, body: { title: 'Busy' } } : operation;
  });
  const result = await runInWorld(['rebuild', '--all'], server);
  t.deepEqual(
    server.requests.slice(1).map(({ path }) => path),
    [`${elements}/a/rebuild`, `${elements}/c/rebuild`],
  );
  t.is(result.code, 1);
  t.regex(result.stderr, /c: Busy/);
});

test('failures are exported over all pages', async (t) => {
  const item = (code: string) => ({ file_id: null, element_id: 'a', path: 'x', code, detail: 'd' });
  await using server = await startRecordingServer(({ path }) =>
    path.includes('cursor=next')
      ? { body: { items: [item('B')], next_cursor: null } }
      : { body: { items: [item('A')], next_cursor: 'next' } },
  );
  const result = await runInWorld(['migrate', 'failures', someOperationId, '--json'], server);
  t.deepEqual(
    result.json().map(({ code }) => code),
    ['A', 'B'],
  );
});

test('a template is registered from a file, and its newest version shown', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-template-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'schema.json');
  await writeFile(file, '{"type":"object","maximum":1.10}');
  await using server = await startRecordingServer(({ path }) => {
    if (path.endsWith('limit=1')) return { body: { items: [{ version: 4 }], next_cursor: null } };
    return path.endsWith('/4') ? { body: '{"type":"object"}' } : template;
  });
  const added = await runInWorld(['templates', 'add', 'invoice', '--schema', file], server);
  t.is(added.stdout, 'invoice@3\n');
  t.is(
    server.requests[0]?.body.toString(),
    '{"name":"invoice","schema":{"type":"object","maximum":1.10}}',
  );
  const shown = await runInWorld(['templates', 'show', 'invoice'], server);
  t.is(shown.stdout, '{"type":"object"}\n');
});

test('a patch names the state that it was made from', async (t) => {
  await using server = await startRecordingServer(({ method }) => ({
    headers: { ETag: method === 'GET' ? '"before"' : '"after"' },
    body: fileJson({ tags: ['a', 'b'] }),
  }));
  const args = ['patch', someFileId, '--tag', 'c', '--untag', 'a', '--set-description', ''];
  const result = await runInWorld([...args, '--remove-custom', 'k'], server);
  t.is(result.code, 0, result.stderr);
  const [, request] = server.requests;
  t.is(request?.headers['if-match'], '"before"');
  t.is(request?.headers['content-type'], 'application/merge-patch+json');
  t.deepEqual(request?.json(), {
    description: null,
    tags: ['b', 'c'],
    custom_attributes: { k: null },
  });
  t.is(result.stdout, `${someFileId}\t"after"\n`);
});

import test from 'ava';
import { limits } from '#domain/limits.ts';
import {
  contractSchema,
  createTemplateClient,
  pointersOf,
  templatesPath,
  type TemplateClient,
} from '#test/support/template-client.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
let client: TemplateClient;
test.before(async () => {
  api = await startTestApi();
  client = createTemplateClient(api);
});
test.after.always(() => api[Symbol.asyncDispose]());

test.serial('versions are made, shown and never made twice', async (t) => {
  const first = await client.register({ name: 'contract', schema: contractSchema });
  t.is(first.status, 201);
  t.like(first.body, { name: 'contract', version: 1, template: 'contract@1' });
  t.is(first.location, `${templatesPath}/contract/1`);
  // Other white space, another order of keys: the same schema.
  const { required, ...rest } = contractSchema;
  const again = await client.register(
    JSON.stringify({ schema: { required, ...rest }, name: 'contract' }, null, 4),
  );
  t.is(again.status, 200);
  t.deepEqual(again.body, first.body);
  t.is(again.location, first.location);
  const second = await client.register({
    name: 'contract',
    schema: { ...contractSchema, title: 'Договор' },
  });
  t.is(second.body.template, 'contract@2');
  t.is(
    (await client.register({ name: 'contract', schema: contractSchema })).body.template,
    'contract@3',
  );
  t.is((await client.register({ name: 'act', schema: {} })).status, 201);

  const list = await client.read(`${templatesPath}?limit=1`);
  t.deepEqual(
    list.body.items?.map(({ template }) => template),
    ['act@1'],
  );
  const after = await client.read(`${templatesPath}?limit=9&cursor=${list.body.next_cursor}`);
  t.deepEqual(
    after.body.items?.map(({ template }) => template),
    ['contract@3'],
  );
  t.is(after.body.next_cursor, null);
  const newest = await client.read(`${templatesPath}/contract?limit=2`);
  t.deepEqual(
    newest.body.items?.map(({ template }) => template),
    ['contract@3', 'contract@2'],
  );
  const oldest = await client.read(`${templatesPath}/contract?cursor=${newest.body.next_cursor}`);
  t.deepEqual(
    oldest.body.items?.map(({ template }) => template),
    ['contract@1'],
  );
});

test.serial('a schema is given back as it was sent, and for good', async (t) => {
  const text =
    '{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"n":{"minimum":1.10}}}';
  await client.register(`{"name":"kept","schema":${text}}`);
  const shown = await api.fetch(`${templatesPath}/kept/1`);
  t.is(await shown.text(), text);
  t.is(shown.headers.get('content-type'), 'application/schema+json');
  t.regex(shown.headers.get('cache-control') ?? '', /immutable/);
  const etag = shown.headers.get('etag') ?? '';
  t.regex(etag, /^"[0-9a-f]{64}"$/);
  const known = await api.fetch(`${templatesPath}/kept/1`, { headers: { 'If-None-Match': etag } });
  t.is(known.status, 304);
  for (const path of ['kept/2', 'kept/0', 'kept/01', 'kept/x', 'none/1', 'None/1', 'none']) {
    const answer = await client.read(`${templatesPath}/${path}`);
    t.is(answer.status, 404, path);
    t.is(answer.body.code, 'TEMPLATE_NOT_FOUND', path);
  }
  for (const [path, status] of [
    ['?cursor=nonsense', 400],
    ['?colour=1', 422],
    ['/kept?cursor=nonsense', 400],
    [`/kept?limit=${limits.pageSizeMax + 1}`, 422],
  ] as const) {
    t.is((await client.read(`${templatesPath}${path}`)).status, status, path);
  }
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const response = await api.fetch(`${templatesPath}/kept/1`, { method });
    await response.arrayBuffer();
    t.is(response.status, 405, method);
  }
});

test.serial('a cursor belongs to its list', async (t) => {
  for (const title of ['1', '2']) await client.register({ name: 'paged', schema: { title } });
  await client.register({ name: 'other', schema: {} });
  const { body } = await client.read(`${templatesPath}/paged?limit=1`);
  t.is((await client.read(`${templatesPath}/other?cursor=${body.next_cursor}`)).status, 400);
  t.is((await client.read(`${templatesPath}?cursor=${body.next_cursor}`)).status, 400);
});

for (const [title, body, status, code, pointers] of [
  ['no object', [], 422, 'REQUEST_INVALID', ['']],
  ['nothing', {}, 422, 'REQUEST_INVALID', ['/name', '/schema']],
  [
    'an unknown member',
    { name: 'x', schema: {}, version: 1 },
    422,
    'REQUEST_INVALID',
    ['/version'],
  ],
  ['a schema that is no object', { name: 'x', schema: true }, 422, 'REQUEST_INVALID', ['/schema']],
  [
    'a name and a schema that cannot be used',
    { name: 'Договор', schema: { colour: 1, items: { $ref: 'http://example.com' } } },
    422,
    'REQUEST_INVALID',
    ['/name', '/schema/colour', '/schema/items/$ref'],
  ],
  [
    'a schema that cannot be used',
    { name: 'x', schema: { $async: true, pattern: '(?=a)', properties: { a: { minLength: -1 } } } },
    422,
    'TEMPLATE_INVALID',
    ['/schema/$async', '/schema/pattern', '/schema/properties/a/minLength'],
  ],
  [
    'a key that stands twice',
    '{"name":"x","schema":{"a":1,"a":2}}',
    400,
    'REQUEST_MALFORMED',
    [''],
  ],
  [
    'too deep',
    `{"name":"x","schema":${'{"not":'.repeat(70)}{}${'}'.repeat(71)}`,
    400,
    'REQUEST_MALFORMED',
    [''],
  ],
  [
    'too long a schema',
    { name: 'x', schema: { title: 'x'.repeat(limits.templateSizeBytes) } },
    422,
    'TEMPLATE_INVALID',
    ['/schema'],
  ],
  [
    'too long a body',
    { name: 'x', schema: { title: 'x'.repeat(limits.templateBodyBytes) } },
    413,
    'BODY_TOO_LARGE',
    [],
  ],
] as const) {
  test.serial(`refused: ${title}`, async (t) => {
    const answer = await client.register(body);
    t.like(answer, { status, body: { code } });
    t.deepEqual(pointersOf(answer), [...pointers]);
    t.is((await client.read(`${templatesPath}/x`)).status, 404);
  });
}

test.serial('who may register, and who may read', async (t) => {
  for (const [role, status] of [
    ['ADMIN', 201],
    ['OPERATOR', 201],
    ['USER', 403],
    ['AUDITOR', 403],
    ['READONLY', 403],
  ] as const) {
    const { token } = await api.createClient(role);
    t.is(
      (await client.register({ name: 'roles', schema: { title: role } }, token)).status,
      status,
      role,
    );
    const response = await api.fetch(`${templatesPath}/roles`, { token });
    await response.arrayBuffer();
    t.is(response.status, 200, role);
  }
});

test.serial('many register at once: a version each, or the one that says the same', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, index) =>
      client.register({ name: 'race', schema: { title: String(index % 6) } }),
    ),
  );
  t.true(answers.every(({ status }) => status === 200 || status === 201));
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.version ?? 0);
  t.deepEqual(
    made.toSorted((a, b) => a - b),
    made.map((_, index) => index + 1),
  );
});

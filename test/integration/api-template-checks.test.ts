import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { createTemplateChecker } from '#infra/json-schema/template-checker.ts';
import { patchFile, storeFile } from '#test/support/api-files.ts';
import { openRaw } from '#test/support/raw-http.ts';
import {
  contractSchema,
  createTemplateClient,
  pointersOf,
  type TemplateAnswer,
  type TemplateClient,
} from '#test/support/template-client.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
let client: TemplateClient;
test.before(async () => {
  // Nothing compiled is kept: every check goes by what the database says now.
  api = await startTestApi(({ templates }) => ({
    templateChecker: {
      requireUsable: (schema) => createTemplateChecker(templates).requireUsable(schema),
      findFaults: (id, value) => createTemplateChecker(templates).findFaults(id, value),
    },
  }));
  client = createTemplateClient(api);
});
test.after.always(() => api[Symbol.asyncDispose]());

async function leavesNothing(t: ExecutionContext, action: () => Promise<void>): Promise<void> {
  const files = await api.countRows('files');
  await action();
  t.is(await api.countRows('files'), files);
  t.deepEqual(await api.listStaged(), []);
}

test.serial('a raw upload is checked, and its sidecar says against what', async (t) => {
  await client.register({ name: 'raw', schema: contractSchema });
  const stored = await storeFile(api, {
    query: `&template=raw&custom_attributes=${encodeURIComponent('{"number":"7","amount":1.10}')}`,
  });
  t.is((stored.file as unknown as { template: string }).template, 'raw@1');
  const sidecar = await readFile(stored.sidecarPath, 'utf8');
  t.is((JSON.parse(sidecar) as { template: string }).template, 'raw@1');
  t.true(sidecar.includes('1.10'));
  t.is((await client.read(stored.path)).body.template, 'raw@1');
  await client.register({ name: 'raw', schema: { ...contractSchema, title: '2' } });
  const custom_attributes = '{"number":"7"}';
  t.is((await client.upload({ template: 'raw', custom_attributes })).body.template, 'raw@2');
  t.is((await client.upload({ template: 'raw@1', custom_attributes })).body.template, 'raw@1');
  const without = await storeFile(api);
  t.is((without.file as unknown as { template: null }).template, null);
  t.false((await readFile(without.sidecarPath, 'utf8')).includes('template'));
});

test.serial('a raw upload that does not fit is refused with every fault', async (t) => {
  await client.register({ name: 'strict', schema: contractSchema });
  await leavesNothing(t, async () => {
    const custom_attributes = '{"amount":"x","a/b":1}';
    const answer = await client.upload({ template: 'strict', custom_attributes });
    t.like(answer, { status: 422, body: { code: 'ATTRIBUTES_TEMPLATE_VIOLATED' } });
    t.deepEqual(
      pointersOf(answer),
      [
        '/custom_attributes/amount',
        '/custom_attributes/a~1b',
        '/custom_attributes/number',
      ].toSorted(),
    );
    t.deepEqual(pointersOf(await client.upload({ template: 'strict' })), [
      '/custom_attributes/number',
    ]);
    for (const template of ['none', 'strict@99', 'Strict', 'strict@', 'strict@0', '']) {
      const refused = await client.upload({ template, custom_attributes });
      t.like(refused, { status: 422, body: { code: 'REQUEST_INVALID' } }, template);
      t.deepEqual(pointersOf(refused), ['/template'], template);
    }
    const both = await client.upload({ template: '@', custom_attributes: '[]', colour: '1' });
    t.deepEqual(pointersOf(both), ['/colour', '/custom_attributes', '/template']);
  });
});

test.serial('a form is checked wherever its fields stand', async (t) => {
  await client.register({ name: 'form', schema: contractSchema });
  const good = ['custom_attributes', '{"number":"1"}'] as const;
  const bad = ['custom_attributes', '{"number":1}'] as const;
  const template = ['template', 'form'] as const;
  const file = ['file', null] as const;
  const document = (custom: string) =>
    ['attributes', `{"template":"form","custom_attributes":${custom}}`] as const;
  for (const parts of [
    [template, good, file],
    [template, file, good],
    [good, file, template],
    [file, template, good],
    [document('{"number":"1"}'), file],
    [file, document('{"number":"1"}')],
  ]) {
    const answer = await client.uploadForm(parts);
    t.is(answer.status, 201, JSON.stringify(answer.body));
    t.is(answer.body.template, 'form@1');
  }
  await leavesNothing(t, async () => {
    for (const parts of [
      [template, bad, file],
      [template, file, bad],
      [bad, file, template],
      [file, template, bad],
      [document('{"number":1}'), file],
      [file, document('{"number":1}')],
      [template, file],
    ]) {
      const answer = await client.uploadForm(parts);
      t.like(
        answer,
        { status: 422, body: { code: 'ATTRIBUTES_TEMPLATE_VIOLATED' } },
        JSON.stringify(parts),
      );
      t.deepEqual(pointersOf(answer), ['/custom_attributes/number']);
    }
  });
});

test.serial('fields that stand before the content are judged before it is taken', async (t) => {
  await client.register({ name: 'early', schema: contractSchema });
  const { token } = await api.createClient('USER');
  for (const [fields, pointer] of [
    [
      [
        ['template', 'early'],
        ['custom_attributes', '{}'],
      ],
      '/custom_attributes/number',
    ],
    [[['template', 'nowhere']], '/template'],
  ] as const) {
    const parts = fields.map(
      ([name, value]) =>
        `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    const head = `${parts.join('')}--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nbegin`;
    using connection = await openRaw(api.port);
    await connection.send(
      `POST /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n${head}`,
    );
    // The rest of the content never comes: an answer can only be one that did not wait for it.
    const { status, body } = await connection.answer();
    t.is(status, 422);
    t.deepEqual(pointersOf({ body: JSON.parse(body) as TemplateAnswer['body'] }), [pointer]);
  }
});

test.serial('a retry gets the first answer, whatever was registered since', async (t) => {
  await client.register({ name: 'retried', schema: contractSchema });
  const fields = { template: 'retried', custom_attributes: '{"number":"1"}' };
  const first = await client.upload(fields, 'templates-1');
  t.is(first.body.template, 'retried@1');
  await client.register({ name: 'retried', schema: { required: ['other'] } });
  const again = await client.upload(fields, 'templates-1');
  t.deepEqual(again, first);
  for (const template of ['retried@1', 'retried@2']) {
    const other = await client.upload({ ...fields, template }, 'templates-1');
    t.is(other.body.code, 'IDEMPOTENCY_KEY_REUSED');
  }
  // A refused upload has not used up its key.
  const refused = await client.upload(fields, 'templates-2');
  t.is(refused.body.code, 'ATTRIBUTES_TEMPLATE_VIOLATED');
  t.is((await client.upload({ ...fields, template: 'retried@1' }, 'templates-2')).status, 201);
});

test.serial(
  'a change of custom attributes is checked against the version of the file',
  async (t) => {
    await client.register({ name: 'patched', schema: contractSchema });
    const stored = await storeFile(api, {
      query: `&template=patched&custom_attributes=${encodeURIComponent('{"number":"7"}')}`,
    });
    await client.register({ name: 'patched', schema: { required: ['other'] } });
    const before = await readFile(stored.sidecarPath, 'utf8');
    const refused = await patchFile(api, stored, {
      custom_attributes: { number: null, amount: 'x', c: 1 },
    });
    t.is(refused.status, 422);
    t.is(refused.body['code'], 'ATTRIBUTES_TEMPLATE_VIOLATED');
    t.deepEqual(pointersOf(refused), [
      '/custom_attributes/amount',
      '/custom_attributes/c',
      '/custom_attributes/number',
    ]);
    t.is(await readFile(stored.sidecarPath, 'utf8'), before);
    const changed = await patchFile(api, stored, { custom_attributes: { amount: 5 } });
    t.like(changed, {
      status: 200,
      body: { template: 'patched@1', custom_attributes: { number: '7', amount: 5 } },
    });
    const named = await patchFile(
      api,
      { ...stored, etag: changed.etag ?? '' },
      { template: 'patched@2' },
    );
    t.is(named.status, 422);
    t.deepEqual(pointersOf(named), ['/template']);
  },
);

test.serial('without its template a file can be changed in everything else', async (t) => {
  await client.register({ name: 'lost', schema: contractSchema });
  const stored = await storeFile(api, {
    query: `&template=lost&custom_attributes=${encodeURIComponent('{"number":"7"}')}`,
  });
  await api.database.query({ text: `delete from templates where name = 'lost'` });
  const refused = await patchFile(api, stored, { custom_attributes: { number: '8' } });
  t.is(refused.status, 409);
  t.is(refused.body['code'], 'TEMPLATE_UNREGISTERED');
  const same = await patchFile(api, stored, { custom_attributes: { number: '7' } });
  t.like(same.body, { revision: 1 });
  const described = await patchFile(api, stored, { description: 'x', tags: ['y'] });
  t.like(described, { status: 200, body: { template: 'lost@1', description: 'x' } });
});

test.serial('a template that no longer fits does not block other changes', async (t) => {
  await client.register({ name: 'tight', schema: contractSchema });
  const stored = await storeFile(api, {
    query: `&template=tight&custom_attributes=${encodeURIComponent('{"number":"7"}')}`,
  });
  await api.database.query({
    text: `update templates set schema = '{"required":["other"]}' where name = 'tight'`,
  });
  const described = await patchFile(api, stored, { description: 'x' });
  t.is(described.status, 200);
  const etag = described.etag ?? '';
  const refused = await patchFile(api, { ...stored, etag }, { custom_attributes: { number: '8' } });
  t.is(refused.body['code'], 'ATTRIBUTES_TEMPLATE_VIOLATED');
});

test.serial(
  'a hostile template and a hostile value meet, and the next caller is served',
  async (t) => {
    const twice = { allOf: [{ $ref: '#' }, { $ref: '#' }] };
    await client.register({
      name: 'hostile',
      schema: { properties: { a: twice, s: { pattern: '^(a+)+$' } } },
    });
    const deep = `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`;
    const refused = await client.upload({ template: 'hostile', custom_attributes: deep });
    t.like(refused, { status: 422, body: { code: 'ATTRIBUTES_TEMPLATE_VIOLATED' } });
    t.deepEqual(pointersOf(refused), ['/custom_attributes']);
    const text = await client.upload({
      template: 'hostile',
      custom_attributes: `{"s":"${'a'.repeat(2000)}!"}`,
    });
    t.deepEqual(pointersOf(text), ['/custom_attributes/s']);
    t.is(
      (await client.upload({ template: 'hostile', custom_attributes: '{"s":"aaa"}' })).status,
      201,
    );
  },
);

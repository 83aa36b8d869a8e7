/** Requests about storage elements that are wrong, and what they must not do. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { limits } from '#domain/limits.ts';
import { elementsPath, makePlace, registration, sendJson } from '#test/support/api-elements.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

const good = registration('bad-01', '/srv/artstore-bad-01') as Record<string, unknown>;
const without = (name: string) =>
  Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));

test('every fault of a registration is named with its pointer', async (t) => {
  for (const [body, pointers] of [
    [null, ['']],
    [[], ['']],
    ['"text"', ['']],
    ['7', ['']],
    [{}, ['/element_id', '/location', '/mode', '/name', '/type']],
    [without('location'), ['/location']],
    [{ ...good, element_id: 'Up' }, ['/element_id']],
    [{ ...good, element_id: '../x' }, ['/element_id']],
    [{ ...good, element_id: '' }, ['/element_id']],
    [{ ...good, element_id: 'a'.repeat(64) }, ['/element_id']],
    [{ ...good, element_id: 7 }, ['/element_id']],
    [{ ...good, name: '' }, ['/name']],
    [{ ...good, name: 'a\u0000b' }, ['/name']],
    [{ ...good, name: 'a'.repeat(limits.elementNameChars + 1) }, ['/name']],
    [{ ...good, name: null }, ['/name']],
    [{ ...good, type: 'tape' }, ['/type']],
    [{ ...good, mode: 'wo' }, ['/mode']],
    [{ ...good, mode: ['rw'] }, ['/mode']],
    [{ ...good, priority: -1 }, ['/priority']],
    [{ ...good, priority: 1.5 }, ['/priority']],
    [{ ...good, priority: '1' }, ['/priority']],
    [{ ...good, priority: limits.elementPriorityMax + 1 }, ['/priority']],
    [{ ...good, priority: null }, ['/priority']],
    [{ ...good, capacity_bytes: -1 }, ['/capacity_bytes']],
    [{ ...good, capacity_bytes: true }, ['/capacity_bytes']],
    [JSON.stringify(good).replace('{', '{"capacity_bytes":1e400,'), ['/capacity_bytes']],
    [
      JSON.stringify(good).replace('{', '{"capacity_bytes":123456789012345678901234567890,'),
      ['/capacity_bytes'],
    ],
    [{ ...good, adopt: 'yes' }, ['/adopt']],
    [{ ...good, status: 'offline' }, ['/status']],
    [{ ...good, used_bytes: 0 }, ['/used_bytes']],
    [{ ...good, __proto__x: 0, constructor: 0 }, ['/__proto__x', '/constructor']],
    [JSON.stringify(good).replace('{', '{"__proto__":{"adopt":true},'), ['/__proto__']],
    [{ ...good, location: '/srv' }, ['/location']],
    [{ ...good, location: {} }, ['/location/path']],
    [{ ...good, location: { path: 7 } }, ['/location/path']],
    [{ ...good, location: { path: '/x', bucket: 'b' } }, ['/location/bucket']],
    [{ ...good, priority: 'x', extra: 1, mode: 'x' }, ['/extra', '/mode', '/priority']],
  ] as const) {
    const { status, json } = await sendJson(api, elementsPath, { body: body ?? 'null' });
    const shown = JSON.stringify(body)?.slice(0, 200);
    t.is(status, 422, `${shown}: ${JSON.stringify(json)}`);
    t.is(json.code, 'REQUEST_INVALID');
    const found = new Set(json.errors?.map(({ pointer }) => pointer));
    t.deepEqual([...found].sort(), [...pointers].sort(), shown);
  }
});

test('paths that are not absolute and normalised are refused, and nothing is made', async (t) => {
  await using place = await makePlace();
  const base = place.path;
  for (const path of [
    '',
    '/',
    'relative',
    './relative',
    '~/x',
    `${base}/../escaped`,
    `${base}/a/../b`,
    `${base}/./a`,
    `${base}//a`,
    `${base}/a/`,
    `${base}/a\u0000b`,
    `${base}/a\nb`,
    '/../../etc',
    `/${'a/'.repeat(600)}a`,
    `/${'я'.repeat(5000)}`,
    'file:///srv/a',
    '\\\\server\\share',
  ]) {
    const body = registration('bad-01', path, { adopt: true });
    const { status, json } = await sendJson(api, elementsPath, { body });
    t.is(status, 422, path);
    t.deepEqual(
      json.errors?.map(({ pointer }) => pointer),
      ['/location/path'],
      path,
    );
    t.false((json.detail ?? '').includes(base), 'no path is repeated');
  }
  await t.throwsAsync(access(join(base, 'a')), { code: 'ENOENT' });
});

test('what is no JSON of ours is refused as such', async (t) => {
  for (const [body, type, status] of [
    ['{', 'application/json', 400],
    ['', 'application/json', 400],
    ['{"name":"a","name":"b"}', 'application/json', 400],
    ['\uFEFF{}', 'application/json', 400],
    ['{"a":'.repeat(100), 'application/json', 400],
    ['{}', 'text/plain', 415],
    ['a=b', 'application/x-www-form-urlencoded', 415],
    [
      JSON.stringify({ ...good, name: 'x'.repeat(limits.elementBodyBytes) }),
      'application/json',
      413,
    ],
  ] as const) {
    for (const [method, path] of [
      ['POST', elementsPath],
      ['PATCH', `${elementsPath}/rw-01`],
    ] as const) {
      const answer = await sendJson(api, path, { method, body, headers: { 'Content-Type': type } });
      t.is(answer.status, status, `${method} ${body.slice(0, 40)}`);
    }
  }
});

test('a change names only what may be changed', async (t) => {
  for (const [body, pointers] of [
    [[], ['']],
    [{ mode: 'ro' }, ['/mode']],
    [{ element_id: 'x' }, ['/element_id']],
    [{ location: { path: '/x' } }, ['/location']],
    [{ used_bytes: 0, reserved_bytes: 0 }, ['/reserved_bytes', '/used_bytes']],
    [{ status: 'offline' }, ['/status']],
    [{ status: 'degraded' }, ['/status']],
    [{ status: null }, ['/status']],
    [{ name: null }, ['/name']],
    [{ name: '\u001b[31m' }, ['/name']],
    [{ priority: 2 ** 31 }, ['/priority']],
    ['{"capacity_bytes":9007199254740993}', ['/capacity_bytes']],
    [{ capacity_bytes: 1.5 }, ['/capacity_bytes']],
  ] as const) {
    const path = `${elementsPath}/rw-01`;
    const { status, json } = await sendJson(api, path, { method: 'PATCH', body });
    t.is(status, 422, JSON.stringify(body));
    const found = new Set(json.errors?.map(({ pointer }) => pointer));
    t.deepEqual([...found].sort(), [...pointers].sort());
  }
  const shown = await sendJson(api, `${elementsPath}/rw-01`, { method: 'GET' });
  t.like(shown.json, { name: 'rw-01', priority: 100, status: 'online', mode: 'rw' });
});

test('ids that no element can have are not found', async (t) => {
  for (const id of ['none-01', 'UPPER', '-', '..%2f..%2fetc', 'a'.repeat(64), '%00', 'a b']) {
    for (const [method, rest] of [
      ['GET', ''],
      ['PATCH', ''],
      ['POST', '/rebuild'],
      ['POST', '/reconcile'],
    ] as const) {
      const path = `${elementsPath}/${encodeURI(id)}${rest}`;
      const answer = await sendJson(api, path, { method, ...(method !== 'GET' && { body: {} }) });
      t.is(answer.status, 404, `${method} ${path}`);
      t.true(['ELEMENT_NOT_FOUND', 'ROUTE_NOT_FOUND'].includes(answer.json.code ?? ''));
    }
  }
});

test('unknown query parameters are refused', async (t) => {
  for (const path of [`${elementsPath}?limit=1`, `${elementsPath}/rw-01?a=b`]) {
    t.is((await sendJson(api, path, { method: 'GET' })).status, 422);
  }
});

test('paths of elements are shown only to those who may read elements', async (t) => {
  for (const [role, status] of [
    ['USER', 403],
    ['READONLY', 403],
    ['AUDITOR', 200],
    ['OPERATOR', 200],
  ] as const) {
    const { token } = await api.createClient(role);
    for (const path of [elementsPath, `${elementsPath}/rw-01`]) {
      t.is((await sendJson(api, path, { method: 'GET', token })).status, status, role);
    }
  }
  const { token } = await api.createClient('AUDITOR');
  for (const [method, path] of [
    ['POST', elementsPath],
    ['PATCH', `${elementsPath}/rw-01`],
    ['POST', `${elementsPath}/rw-01/rebuild`],
    ['POST', `${elementsPath}/rw-01/reconcile`],
  ] as const) {
    t.is((await sendJson(api, path, { method, body: {}, token })).status, 403, path);
  }
});

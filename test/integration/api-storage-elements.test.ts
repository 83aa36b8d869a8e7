import { lstat, readFile, readdir, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { limits } from '#domain/limits.ts';
import type { ElementId } from '#domain/ids.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { createFilesystemElementDirectories } from '#infra/filesystem/filesystem-element-directories.ts';
import { instantFromMillis } from '#domain/instant.ts';
import {
  elementsPath,
  makeDirectory,
  makePlace,
  registration,
  sendJson,
  type Answer,
  type ElementJson,
} from '#test/support/api-elements.ts';
import { storeFile } from '#test/support/api-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

const register = (id: string, path: string, change?: object): Promise<Answer> =>
  sendJson(api, elementsPath, { body: registration(id, path, change) });

const show = (id: string): Promise<Answer> =>
  sendJson(api, `${elementsPath}/${id}`, { method: 'GET' });

const patch = (id: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  sendJson(api, `${elementsPath}/${id}`, { method: 'PATCH', body, headers });

/** Every name below, `.artstore` included. */
async function namesBelow(path: string): Promise<string[]> {
  return (await readdir(path, { recursive: true })).sort();
}

test('an empty directory becomes an element, with its marker and the size of its file system', async (t) => {
  await using place = await makePlace();
  const path = await makeDirectory(join(place.path, 'new'));
  const made = await register('new-01', path);
  t.is(made.status, 201, JSON.stringify(made.json));
  t.is(made.headers.get('location'), `${elementsPath}/new-01`);
  const { blocks, bsize } = await statfs(path);
  t.like(made.json, {
    element_id: 'new-01',
    name: 'Element new-01',
    type: 'filesystem',
    mode: 'rw',
    priority: 100,
    capacity_bytes: blocks * bsize,
    used_bytes: 0,
    reserved_bytes: 0,
    status: 'online',
    location: { path },
  });
  t.true(made.json.free_bytes > 0 && made.json.free_bytes <= blocks * bsize);
  const marker = JSON.parse(await readFile(join(path, '.artstore/element.json'), 'utf8'));
  t.is(marker.element_id, 'new-01');
  const shown = await show('new-01');
  t.is(shown.status, 200);
  t.is(shown.headers.get('etag'), made.headers.get('etag'));
  t.is(shown.json.name, 'Element new-01');
});

test('the same registration again answers with the same element, another one under its id is refused', async (t) => {
  await using place = await makePlace();
  const path = join(place.path, 'same');
  const first = await register('same-01', path, { priority: 7, capacity_bytes: 1_000_000 });
  t.is(first.status, 201);
  const marker = await readFile(join(path, '.artstore/element.json'), 'utf8');
  for (const change of [{ capacity_bytes: 1_000_000 }, {}, { adopt: true }]) {
    const again = await register('same-01', path, { priority: 7, ...change });
    t.is(again.status, 200, JSON.stringify(again.json));
    t.is(again.headers.get('location'), `${elementsPath}/same-01`);
    t.is(again.json.capacity_bytes, 1_000_000);
  }
  const other = join(place.path, 'other');
  for (const [at, change] of [
    [path, {}],
    [path, { priority: 7, name: 'Another' }],
    [path, { priority: 7, mode: 'edit' }],
    [path, { priority: 7, capacity_bytes: 1_000_001 }],
    [other, { priority: 7 }],
  ] as const) {
    const refused = await register('same-01', at, change);
    t.is(refused.status, 409, JSON.stringify(change));
    t.is(refused.json.code, 'ELEMENT_EXISTS');
  }
  t.deepEqual(await readdir(place.path), ['same'], 'nothing was made in the other place');
  t.is(await readFile(join(path, '.artstore/element.json'), 'utf8'), marker);
});

test('an element is reached through the API as soon as it is registered', async (t) => {
  await using place = await makePlace();
  // The first one by priority, in a mode that uploads go to.
  const made = await register('first-01', join(place.path, 'e'), { mode: 'edit', priority: 1 });
  t.is(made.status, 201);
  const { file: stored } = await storeFile(api);
  t.is(stored.storage.element_id, 'first-01');
  const content = await api.fetch(`/api/v1/files/${stored.file_id}/content`);
  t.is(content.status, 200);
  await content.arrayBuffer();
  const shown = await show('first-01');
  t.true(shown.json.used_bytes > 0);

  // In maintenance it takes nothing new, and is still read.
  t.is((await patch('first-01', { status: 'maintenance' })).json.status, 'maintenance');
  const { file: next } = await storeFile(api);
  t.is(next.storage.element_id, 'edit-01');
  const again = await api.fetch(`/api/v1/files/${stored.file_id}/content`);
  t.is(again.status, 200);
  await again.arrayBuffer();
  for (const work of ['rebuild', 'reconcile']) {
    const refused = await sendJson(api, `${elementsPath}/first-01/${work}`, { body: {} });
    t.is(refused.status, 503);
    t.is(refused.json.code, 'ELEMENT_UNAVAILABLE');
    t.truthy(refused.headers.get('retry-after'));
  }
  t.is((await patch('first-01', { status: 'online' })).json.status, 'online');
  const { file: last } = await storeFile(api);
  t.is(last.storage.element_id, 'first-01');
  t.is((await patch('first-01', { status: 'maintenance' })).status, 200);
});

test('a directory with files is taken over only when that is asked for, and is not touched', async (t) => {
  await using place = await makePlace();
  const path = await makeDirectory(join(place.path, 'old'));
  const folder = await makeDirectory(join(path, '2024/01/02/03'));
  await writeFile(join(folder, 'a.pdf'), 'content');
  await writeFile(join(folder, 'a.pdf.attr.json'), '{}');
  const before = await namesBelow(path);
  const stats = await lstat(join(folder, 'a.pdf'));
  for (const adopt of [undefined, false]) {
    const refused = await register('old-01', path, adopt === undefined ? {} : { adopt });
    t.is(refused.status, 409);
    t.is(refused.json.code, 'ELEMENT_LOCATION_REFUSED');
    t.regex(refused.json.detail ?? '', /adopt/);
    t.deepEqual(await namesBelow(path), before, 'nothing was written');
  }
  t.is((await show('old-01')).status, 404);
  const adopted = await register('old-01', path, { adopt: true, mode: 'ro' });
  t.is(adopted.status, 201, JSON.stringify(adopted.json));
  t.deepEqual(
    (await namesBelow(path)).filter((name) => !name.startsWith('.artstore')),
    before,
  );
  const after = await lstat(join(folder, 'a.pdf'));
  t.deepEqual([after.ino, after.mtimeMs, after.size], [stats.ino, stats.mtimeMs, stats.size]);
});

test('what a crash left between marker and row is taken up by the same registration', async (t) => {
  await using place = await makePlace();
  const path = await makeDirectory(join(place.path, 'half'));
  await registerElementDirectory(path, 'half-01' as ElementId, instantFromMillis(0));
  // Files may lie there as well: with its own marker it is the element's.
  await writeFile(join(path, 'a.txt'), 'x');
  const other = await register('half-02', path, { adopt: true });
  t.is(other.json.code, 'ELEMENT_LOCATION_REFUSED');
  t.regex(other.json.detail ?? '', /half-01/);
  const made = await register('half-01', path);
  t.is(made.status, 201, JSON.stringify(made.json));
  const marker = JSON.parse(await readFile(join(path, '.artstore/element.json'), 'utf8'));
  t.is(marker.created_at, instantFromMillis(0), 'the marker is the first one');
});

test('what an aborted registration left without a marker still counts as empty', async (t) => {
  await using place = await makePlace();
  await makeDirectory(join(place.path, 'e/.artstore/staging'));
  await makeDirectory(join(place.path, 'e/lost+found'));
  t.is((await register('begun-01', join(place.path, 'e'))).status, 201);
});

test('places that cannot become an element are refused before anything is written', async (t) => {
  await using place = await makePlace();
  const base = place.path;
  const elementPath = join(base, 'element');
  t.is((await register('base-01', elementPath)).status, 201);
  await makeDirectory(join(base, 'target/inner'));
  await symlink(join(base, 'target'), join(base, 'link'));
  await symlink(elementPath, join(base, 'to-element'));
  await writeFile(join(base, 'file'), 'x');
  await makeDirectory(join(base, 'damaged/.artstore'));
  await writeFile(join(base, 'damaged/.artstore/element.json'), '{"element_id":');
  await makeDirectory(join(base, 'odd/.artstore/element.json'));
  await makeDirectory(join(base, 'linked-system'));
  await symlink(join(base, 'target'), join(base, 'linked-system/.artstore'));
  await makeDirectory(join(base, 'file-system'));
  await writeFile(join(base, 'file-system/.artstore'), 'x');
  await makeDirectory(join(base, 'linked-marker/.artstore'));
  await symlink(
    join(elementPath, '.artstore/element.json'),
    join(base, 'linked-marker/.artstore/element.json'),
  );
  await makeDirectory(join(base, 'unknown/.artstore'));
  await writeFile(
    join(base, 'unknown/.artstore/element.json'),
    '{"element_id":"unknown-01","created_at":"2026-01-01T00:00:00Z"}',
  );
  const before = await namesBelow(base);
  for (const [path, detail] of [
    [elementPath, /another storage element/],
    [join(elementPath, 'within'), /another storage element/],
    [join(elementPath, '.artstore/staging'), /another storage element/],
    [base, /another storage element/],
    [dirname(base), /another storage element/],
    [join(base, 'unknown'), /unknown-01/],
    [join(base, 'unknown/within'), /another storage element/],
    [join(base, 'link'), /link/],
    [join(base, 'link/within'), /link/],
    [join(base, 'link/inner'), /link/],
    [join(base, 'link/inner/within'), /link/],
    [join(base, 'to-element'), /link/],
    [join(base, 'to-element/within'), /link/],
    [join(base, 'file'), /not a directory/],
    [join(base, 'file/within'), /not a directory/],
    [join(base, 'absent/within'), /is there/],
    [join(base, 'damaged'), /damaged/],
    [join(base, 'odd'), /damaged/],
    [join(base, 'linked-marker'), /damaged/],
    [join(base, 'linked-system'), /\.artstore/],
    [join(base, 'file-system'), /\.artstore/],
    [join(base, 'a'.repeat(300)), /longer/],
    ['/proc/self', /./],
    ['/proc/artstore', /./],
  ] as const) {
    const refused = await register('refused-01', path, { adopt: true });
    t.is(refused.status, 409, `${path}: ${JSON.stringify(refused.json)}`);
    t.is(refused.json.code, 'ELEMENT_LOCATION_REFUSED');
    t.regex(refused.json.detail ?? '', detail, path);
  }
  t.deepEqual(await namesBelow(base), before);
  t.is((await show('refused-01')).status, 404);
});

test('an element whose directory is named through a link is known by where it leads', async (t) => {
  await using place = await makePlace();
  const directories = createFilesystemElementDirectories();
  const real = await makeDirectory(join(place.path, 'real/inner'));
  await symlink(join(place.path, 'real'), join(place.path, 'alias'));
  const claim = {
    elementId: 'alias-01' as ElementId,
    adopts: true,
    others: [join(place.path, 'alias/inner'), join(place.path, 'gone')],
    createdAt: instantFromMillis(0),
  };
  for (const path of [real, dirname(real)]) {
    await t.throwsAsync(directories.claimDirectory({ ...claim, path }), {
      code: 'ELEMENT_LOCATION_REFUSED',
    });
  }
});

test('of registrations at once with one id one is made, and the others give their places back', async (t) => {
  await using place = await makePlace();
  const paths = ['a', 'b', 'c', 'd'].map((name) => join(place.path, name));
  const answers = await Promise.all(paths.map((path) => register('race-01', path)));
  const made = answers.filter(({ status }) => status === 201);
  t.is(made.length, 1);
  const path = made[0]?.json.location.path ?? '';
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    t.is(answer.json.code, 'ELEMENT_EXISTS');
  }
  for (const other of paths.filter((candidate) => candidate !== path)) {
    t.is((await register(`free-${other.slice(-1)}`, other)).status, 201, 'the place is free');
  }
  t.is((await register('race-01', path)).status, 200);
});

test('of the same registrations at once one makes the element, and all have it', async (t) => {
  await using place = await makePlace();
  const path = join(place.path, 'e');
  const answers = await Promise.all([1, 2, 3, 4].map(() => register('twice-01', path)));
  t.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 201]);
  t.deepEqual(await readdir(join(path, '.artstore')), ['element.json', 'quarantine', 'staging']);
});

test('of registrations at once whose places overlap one is made', async (t) => {
  await using place = await makePlace();
  const outer = await makeDirectory(join(place.path, 'outer'));
  const inner = await makeDirectory(join(outer, 'inner'));
  const answers = await Promise.all([
    register('outer-01', outer, { adopt: true }),
    register('inner-01', inner, { adopt: true }),
  ]);
  t.deepEqual(answers.map(({ status }) => status).sort(), [201, 409]);
  const isOuter = answers[0].status === 201;
  const lost = isOuter ? inner : outer;
  t.false((await readdir(lost)).includes('.artstore'), 'whoever lost leaves nothing behind');
  const { elements } = api.ports;
  t.is((await elements.findElement('outer-01' as ElementId)) !== null, isOuter);
  t.is((await elements.findElement('inner-01' as ElementId)) !== null, !isOuter);
});

test('what overlaps is refused by the catalogue too', async (t) => {
  await using place = await makePlace();
  const path = join(place.path, 'e');
  t.is((await register('rows-01', path)).status, 201);
  const known = await api.ports.elements.findElement('rows-01' as ElementId);
  if (known === null) return t.fail();
  const { usedBytes: _used, reservedBytes: _reserved, ...element } = known;
  for (const other of [path, join(path, 'x'), place.path]) {
    const row = { ...element, elementId: 'rows-02' as ElementId, location: { path: other } };
    await t.throwsAsync(api.ports.elements.registerElement(row), {
      code: 'ELEMENT_LOCATION_REFUSED',
    });
  }
  t.is(await api.ports.elements.findElement('rows-02' as ElementId), null);
});

test('a directory that may not be written to is refused', async (t) => {
  // Root may write anywhere but here.
  const refused = await register('sys-01', '/sys/kernel', { adopt: true });
  t.is(refused.status, 409);
  t.is(refused.json.code, 'ELEMENT_LOCATION_REFUSED');
});

test('elements on S3 are named as what is not available yet', async (t) => {
  const body = registration('s3-01', '/x', { type: 's3', location: { bucket: 'b' } });
  const refused = await sendJson(api, elementsPath, { body });
  t.is(refused.status, 422);
  t.is(refused.json.code, 'FEATURE_NOT_AVAILABLE');
  t.deepEqual(
    refused.json.errors?.map(({ pointer }) => pointer),
    ['/type'],
  );
});

test('all elements are listed by mode and in the order they are filled', async (t) => {
  await using place = await makePlace();
  t.is((await register('list-02', join(place.path, 'a'), { mode: 'ar' })).status, 201);
  t.is((await register('list-01', join(place.path, 'b'), { mode: 'ar' })).status, 201);
  const first = await register('list-03', join(place.path, 'c'), { mode: 'ar', priority: 0 });
  t.is(first.status, 201);
  const response = await api.fetch(elementsPath);
  t.is(response.status, 200);
  const { items, next_cursor } = (await response.json()) as {
    items: ElementJson[];
    next_cursor: null;
  };
  t.is(next_cursor, null);
  const archives = items.filter(({ mode }) => mode === 'ar').map((item) => item.element_id);
  t.deepEqual(archives, ['list-03', 'list-01', 'list-02']);
  t.is(items.find((item) => item.element_id === 'list-01')?.capacity_state, 'normal');
});

test('settings are changed one by one, and by If-Match only as they were seen', async (t) => {
  await using place = await makePlace();
  t.is((await register('patch-01', join(place.path, 'e'))).status, 201);
  const seen = (await show('patch-01')).headers.get('etag') ?? '';
  const renamed = await patch('patch-01', { name: 'Архив 1' }, { 'If-Match': seen });
  t.is(renamed.status, 200, JSON.stringify(renamed.json));
  t.like(renamed.json, { name: 'Архив 1', priority: 100 });
  t.not(renamed.headers.get('etag'), seen);
  const stale = await patch('patch-01', { priority: 1 }, { 'If-Match': seen });
  t.is(stale.status, 412);
  t.is((await patch('patch-01', { priority: 2 }, { 'If-Match': '*' })).json.priority, 2);
  const small = await patch('patch-01', { capacity_bytes: 0 });
  t.like(small.json, { capacity_bytes: 0, free_bytes: 0, priority: 2, name: 'Архив 1' });
  const nothing = await patch('patch-01', {});
  t.is(nothing.status, 200);
  t.is(nothing.headers.get('etag'), small.headers.get('etag'));
  t.is((await patch('none-01', { name: 'x' })).json.code, 'ELEMENT_NOT_FOUND');
});

test('of changes at once with one ETag one is made; without, none undoes another', async (t) => {
  await using place = await makePlace();
  t.is((await register('cas-01', join(place.path, 'e'))).status, 201);
  const seen = (await show('cas-01')).headers.get('etag') ?? '';
  const guarded = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      patch('cas-01', { priority: index + 1 }, { 'If-Match': seen }),
    ),
  );
  t.is(guarded.filter(({ status }) => status === 200).length, 1);
  t.is(guarded.filter(({ status }) => status === 412).length, 7);
  await Promise.all([
    patch('cas-01', { name: 'both' }),
    patch('cas-01', { priority: 55 }),
    patch('cas-01', { capacity_bytes: 12_345 }),
  ]);
  t.like((await show('cas-01')).json, { name: 'both', priority: 55, capacity_bytes: 12_345 });
});

test('no more elements are registered than are answered as one list', async (t) => {
  const full: TestApi = await startTestApi(({ elements }) => ({
    elements: Object.assign(Object.create(elements), {
      listElements: async () => {
        const [first] = await elements.listElements();
        if (first === undefined) throw new Error('there is no element');
        return Array.from({ length: limits.elementCount }, (_, index) => ({
          ...first,
          elementId: `many-${index}`,
        }));
      },
    }),
  }));
  await using place = await makePlace();
  const path = join(place.path, 'e');
  const refused = await sendJson(full, elementsPath, { body: registration('more-01', path) });
  await full[Symbol.asyncDispose]();
  t.is(refused.status, 422);
  t.is(refused.json.code, 'REQUEST_INVALID');
  t.deepEqual(await readdir(place.path), []);
});

test('an element whose directory is gone is shown, and its marker is never made anew', async (t) => {
  await using place = await makePlace();
  const path = join(place.path, 'e');
  t.is((await register('gone-01', path)).status, 201);
  await rm(path, { recursive: true });
  t.is((await show('gone-01')).status, 200);
  t.is((await register('gone-01', path)).status, 200);
  t.deepEqual(await readdir(place.path), []);
});

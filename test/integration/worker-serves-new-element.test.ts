import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { operationsPath } from '#api/operations/present-operation.ts';
import {
  elementsPath,
  makePlace,
  registration,
  sendJson,
  type Answer,
} from '#test/support/api-elements.ts';
import type { FileJson } from '#test/support/api-files.ts';
import { until } from '#test/support/element-harness.ts';
import { writeLegacyTree } from '#test/support/legacy-tree.ts';
import { startServedApi, type ServedApi } from '#test/support/served-api.ts';

let served: ServedApi;
test.before(async () => {
  served = await startServedApi();
});
test.after.always(() => served?.[Symbol.asyncDispose]());

interface OperationJson {
  readonly operation_id: string;
  readonly kind: string;
  readonly state: string;
  readonly progress: { readonly done: number; readonly failed: number } | null;
  readonly links: Readonly<Record<string, string>>;
}

const register = (id: string, path: string, change: object): Promise<Answer> =>
  sendJson(served.api, elementsPath, { body: registration(id, path, change) });

const setStatus = (id: string, status: string): Promise<Answer> =>
  sendJson(served.api, `${elementsPath}/${id}`, { method: 'PATCH', body: { status } });

/** The worker holds the lock of each element that it serves, in a session of its own. */
async function isServed(id: string): Promise<boolean> {
  const rows = await served.api.database.query(
    {
      text: `select from pg_stat_activity a join pg_locks l using (pid)
      where a.application_name = $1 and l.locktype = 'advisory' and l.granted
        and a.datname = current_database()`,
    },
    [`artstore-lock ${id}`],
  );
  return rows.length > 0;
}

async function showOperation(id: string): Promise<OperationJson> {
  const response = await served.api.fetch(`${operationsPath}/${id}`);
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as OperationJson;
}

async function awaitEnd(id: string): Promise<OperationJson> {
  await until('the operation has ended', async () =>
    ['completed', 'failed', 'cancelled'].includes((await showOperation(id)).state),
  );
  return showOperation(id);
}

/** Waits for its end, however long the worker takes: an upload's operation has the id of its file. */
async function upload(): Promise<FileJson> {
  const response = await served.api.fetch('/api/v1/files?filename=a.txt', {
    method: 'POST',
    body: 'content',
  });
  const json = (await response.json()) as FileJson & OperationJson;
  if (![201, 202].includes(response.status)) throw new Error(JSON.stringify(json));
  const id = response.status === 201 ? json.file_id : json.operation_id;
  if ((await awaitEnd(id)).state !== 'completed') throw new Error('the upload failed');
  return (await (await served.api.fetch(`/api/v1/files/${id}`)).json()) as FileJson;
}

test.serial(
  'a new element is served without a restart, out of use not, and then again',
  async (t) => {
    t.timeout(300_000);
    await using _worker = await served.startWorker();
    t.is((await upload()).storage.element_id, 'edit-01');
    await using place = await makePlace();
    const path = join(place.path, 'new');
    t.is((await register('new-01', path, { mode: 'edit', priority: 1 })).status, 201);
    const first = await upload();
    t.is(first.storage.element_id, 'new-01');
    t.is(await readFile(join(path, first.storage.path), 'utf8'), 'content');
    const schedule = served.temporal.schedule.getHandle('sweep-element/new-01');
    await until('its schedule is there', () =>
      schedule.describe().then(
        () => true,
        () => false,
      ),
    );

    t.is((await setStatus('new-01', 'maintenance')).status, 200);
    t.is((await upload()).storage.element_id, 'edit-01');
    await until('the worker lets it go', async () => !(await isServed('new-01')));
    t.true(await isServed('edit-01'));
    const content = await served.api.fetch(`/api/v1/files/${first.file_id}/content`);
    t.is(await content.text(), 'content');
    // What is asked of it meanwhile waits.
    const deleting = served.api.fetch(`/api/v1/files/${first.file_id}`, { method: 'DELETE' });
    await until('the deletion was asked for', async () => {
      const found = await served.api.fetch(
        `${operationsPath}?subject_id=${first.file_id}&kind=deleteFile`,
      );
      const { items } = (await found.json()) as { items: OperationJson[] };
      return items.length === 1;
    });
    t.is((await served.api.fetch(`/api/v1/files/${first.file_id}`)).status, 200);

    t.is((await setStatus('new-01', 'online')).status, 200);
    const accepted = await deleting;
    t.is(accepted.status, 202);
    const { operation_id: id } = (await accepted.json()) as OperationJson;
    t.is((await awaitEnd(id)).state, 'completed');
    t.is((await upload()).storage.element_id, 'new-01');
  },
);

test.serial(
  'a worker that starts while an element is out of use is ready, and serves it later',
  async (t) => {
    t.timeout(300_000);
    for (const id of ['edit-01', 'rw-01', 'new-01']) {
      t.is((await setStatus(id, 'maintenance')).status, 200);
    }
    await using _worker = await served.startWorker();
    t.is((await setStatus('edit-01', 'online')).status, 200);
    t.is((await upload()).storage.element_id, 'edit-01');
    t.is((await setStatus('rw-01', 'online')).status, 200);
  },
);

test.serial('a worker that is told its elements serves no other', async (t) => {
  t.timeout(300_000);
  await using place = await makePlace();
  await using _worker = await served.startWorker({ ARTSTORE_WORKER_ELEMENTS: 'later-01,rw-01' });
  t.is((await register('other-01', join(place.path, 'a'), { mode: 'ro' })).status, 201);
  t.is((await register('later-01', join(place.path, 'b'), { mode: 'ro' })).status, 201);
  await until('the new one is served', () => isServed('later-01'));
  t.true(await isServed('rw-01'));
  t.false(await isServed('other-01'));
  t.false(await isServed('edit-01'));
  for (const id of ['other-01', 'later-01']) await setStatus(id, 'maintenance');
});

test.serial(
  'a tree of old files is adopted, rebuilt, listed and read, and stays as it was',
  async (t) => {
    t.timeout(300_000);
    await using place = await makePlace();
    const files = await writeLegacyTree(place.path, 300);
    await writeFile(join(place.path, '2024/03/01/00/broken.txt.attr.json'), '{"file_id": 7');
    const names = (await readdir(place.path, { recursive: true })).sort();
    await using _worker = await served.startWorker();
    const adopted = await register('old-01', place.path, { mode: 'ro', adopt: true });
    t.is(adopted.status, 201, JSON.stringify(adopted.json));
    const before = await served.api.fetch('/api/v1/files?element_id=old-01');
    t.deepEqual(((await before.json()) as { items: unknown[] }).items, []);

    const started = await sendJson(served.api, `${elementsPath}/old-01/rebuild`, { body: {} });
    t.is(started.status, 202);
    const operation = await awaitEnd(started.json.operation_id ?? '');
    t.like(operation, { kind: 'rebuildCatalogue', state: 'completed', progress: { failed: 1 } });
    const failures = await served.api.fetch(operation.links['failures'] ?? '');
    const { items } = (await failures.json()) as { items: Record<string, string>[] };
    t.is(items.length, 1);
    t.like(items[0], { element_id: 'old-01', code: 'ATTRIBUTES_MALFORMED' });
    t.regex(items[0]?.['path'] ?? '', /broken\.txt/);

    const listed = new Map<string, FileJson & { original_filename: string }>();
    for (let cursor = ''; ;) {
      const page = await served.api.fetch(`/api/v1/files?element_id=old-01&limit=100${cursor}`);
      const json = (await page.json()) as {
        items: (FileJson & { original_filename: string })[];
        next_cursor: string | null;
      };
      for (const file of json.items) listed.set(file.file_id, file);
      if (json.next_cursor === null) break;
      cursor = `&cursor=${json.next_cursor}`;
    }
    t.is(listed.size, files.length);
    for (const file of files) {
      const shown = listed.get(file.fileId);
      t.is(shown?.original_filename, file.originalFilename);
      t.is(shown?.storage.path, file.path);
    }
    for (const file of files.filter((_, index) => index % 30 === 0)) {
      const content = await served.api.fetch(`/api/v1/files/${file.fileId}/content`);
      t.is(content.status, 200);
      t.deepEqual(Buffer.from(await content.arrayBuffer()), file.content);
    }
    const after = (await readdir(place.path, { recursive: true })).sort();
    t.deepEqual(
      after.filter((name) => !name.startsWith('.artstore')),
      names,
    );
    await setStatus('old-01', 'maintenance');
  },
);

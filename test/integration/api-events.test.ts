import { randomUUID } from 'node:crypto';
import test from 'ava';
import { until } from '#test/support/element-harness.ts';
import { storeFiles } from '#test/support/stored-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

interface Page {
  readonly items: readonly {
    readonly event_id: string;
    readonly type: string;
    readonly occurred_at: string;
    readonly subject: { readonly type: string; readonly id: string };
    readonly file_ids: readonly string[];
    readonly data: Readonly<Record<string, unknown>>;
  }[];
  readonly next_cursor: string;
}

async function read(api: TestApi, query = ''): Promise<Page> {
  const response = await api.fetch(`/api/v1/events${query}`);
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as Page;
}

async function codeOf(response: Response): Promise<[number, unknown]> {
  return [response.status, ((await response.json()) as { code: unknown }).code];
}

test('events come in pages, each once, and the cursor goes on from the end', async (t) => {
  await using api = await startTestApi();
  const empty = await read(api);
  t.deepEqual(empty.items, []);
  const stored = await storeFiles(api.ports.uploads, [{}, {}, {}, {}, {}]);
  const seen: Page['items'][number][] = [];
  let cursor = empty.next_cursor;
  await until('all are read', async () => {
    const page = await read(api, `?limit=2&after=${cursor}`);
    t.true(page.items.length <= 2);
    seen.push(...page.items);
    cursor = page.next_cursor;
    return seen.length >= stored.length;
  });
  t.deepEqual(
    seen.map(({ subject }) => subject.id).toSorted(),
    stored.map(({ fileId }) => fileId as string).toSorted(),
  );
  t.is(new Set(seen.map(({ event_id: id }) => id)).size, stored.length);
  const [first] = seen;
  t.like(first, {
    type: 'file.stored',
    subject: { type: 'file' },
    data: { element_id: 'edit-01' },
  });
  t.deepEqual(first?.file_ids, [first?.subject.id]);
  t.regex(first?.occurred_at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/);

  const atTheEnd = await read(api, `?after=${cursor}`);
  t.deepEqual(atTheEnd, { items: [], next_cursor: cursor });
  await storeFiles(api.ports.uploads, [{}]);
  await until('the new one comes', async () => {
    const page = await read(api, `?after=${cursor}`);
    return page.items.length === 1;
  });
});

test('a cursor of ours, of this feed and of what is kept, or a problem', async (t) => {
  await using api = await startTestApi();
  await storeFiles(api.ports.uploads, [{}, {}, {}]);
  await until('they are there', async () => (await read(api)).items.length === 3);
  const { next_cursor: cursor } = await read(api, '?limit=1');
  const at = (query: string) => api.fetch(`/api/v1/events${query}`);

  const forged = `${cursor.slice(0, -2)}${cursor.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const bad of [forged, 'x', '', cursor.slice(1), 'a'.repeat(5000)]) {
    t.deepEqual(await codeOf(await at(`?after=${bad}`)), [400, 'CURSOR_INVALID'], bad);
  }
  const files = (await (await api.fetch('/api/v1/files?limit=1')).json()) as Page;
  t.deepEqual(await codeOf(await at(`?after=${files.next_cursor}`)), [400, 'CURSOR_INVALID']);
  for (const bad of ['limit=0', 'limit=1001', 'limit=x', 'more=1']) {
    t.deepEqual(await codeOf(await at(`?${bad}`)), [422, 'REQUEST_INVALID'], bad);
  }

  await api.database.query({ text: `delete from outbox where ctid = '(0,1)'` });
  t.deepEqual(await codeOf(await at(`?after=${cursor}`)), [409, 'EVENTS_CURSOR_EXPIRED']);

  const { next_cursor: newest } = await read(api);
  await api.database.query({ text: 'update feed_epoch set epoch = $1' }, [randomUUID()]);
  t.deepEqual(await codeOf(await at(`?after=${newest}`)), [409, 'EVENTS_CURSOR_EXPIRED']);
  t.is((await read(api)).items.length, 2);
});

test('whoever may read files may read what happened to them', async (t) => {
  await using api = await startTestApi();
  const reader = await api.createClient('READONLY');
  const narrow = await api.createClient('USER', ['files:write']);
  const statusFor = async (token: string | null) =>
    (await api.fetch('/api/v1/events', { token })).status;
  t.is(await statusFor(reader.token), 200);
  t.is(await statusFor(narrow.token), 403);
  t.is(await statusFor(null), 401);
});

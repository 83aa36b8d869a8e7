import test from 'ava';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { parseFileId } from '#domain/ids.ts';
import { toSearchDocument } from '#domain/search/search-document.ts';
import { MeilisearchSearchIndex } from '#infra/meilisearch/meilisearch-search-index.ts';
import { startOwnMeilisearch } from '#test/support/own-meilisearch.ts';
import { storeFiles } from '#test/support/stored-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly engine?: string;
  readonly items?: readonly unknown[];
}

async function search(api: TestApi, body: object): Promise<Answer> {
  const response = await api.fetch('/api/v1/files/search', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { ...((await response.json()) as Answer), status: response.status };
}

async function fillIndex(api: TestApi, index: MeilisearchSearchIndex): Promise<void> {
  const rows = await api.database.query<{ file_id: string }>({ text: 'select file_id from files' });
  const ids = rows.map((row) => parseFileId(row.file_id)!);
  const documents = (await api.ports.search.findFiles(ids, {})).map((file) => {
    const attributes = api.ports.codec.parseAttributes(file.attributes);
    return toSearchDocument(file, attributes, String(extensionsOf(attributes).revision));
  });
  await index.upsertDocuments(documents);
}

for (const outage of ['hangs', 'is killed', 'is wiped'] as const) {
  test(`when Meilisearch ${outage}, searches go on within the same request`, async (t) => {
    await using server = await startOwnMeilisearch();
    using index = new MeilisearchSearchIndex(server);
    await using api = await startTestApi(() => ({ searchIndex: index }));
    await storeFiles(api.ports.uploads, [{ originalFilename: 'Договоры.pdf' }]);
    await fillIndex(api, index);
    t.is((await search(api, { query: 'догвор' })).engine, 'meilisearch');
    const { next_cursor: cursor } = (await search(api, {
      query: 'догвор',
      engine: 'meilisearch',
    })) as { next_cursor?: string | null };
    t.is(cursor, null);

    if (outage === 'hangs') server.hang();
    else await server.kill();
    if (outage === 'is wiped') {
      await server.wipe();
      await server.start();
    }

    for (let request = 0; request < 10; request += 1) {
      const unknown = await search(api, { query: 'догвор' });
      t.is(unknown.status, 200);
      t.is(unknown.engine, 'postgres');
      t.deepEqual(unknown.items, []);
    }
    const known = await search(api, { query: 'договор' });
    t.is(known.items?.length, 1);
    const suggested = await api.fetch(`/api/v1/files/suggest?q=${encodeURIComponent('дого')}`);
    const suggestions = (await suggested.json()) as Answer;
    t.is(suggestions.engine, 'postgres');
    t.is(suggestions.items?.length, 1);
    const asked = await search(api, { query: 'договор', engine: 'meilisearch' });
    t.is(asked.status, 503);
    t.is(asked.code, 'SEARCH_UNAVAILABLE');
    const status = await api.fetch('/api/v1/search/status');
    t.like(await status.json(), { available: false, catalogue_files: 1, drift: null });
  });
}

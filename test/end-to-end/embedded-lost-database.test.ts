import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { Client } from 'pg';
import {
  makeDataDirectory,
  processesOn,
  removeDataDirectory,
  runEmbedded,
  startEmbedded,
} from '#test/support/embedded-process.ts';

const test = anyTest as TestFn<{ dataDirectory: string }>;

test.beforeEach(async (t) => {
  t.context.dataDirectory = await makeDataDirectory();
});

test.afterEach.always(async (t) => {
  for (const pid of processesOn(t.context.dataDirectory)) process.kill(pid, 'SIGKILL');
  await removeDataDirectory(t.context.dataDirectory);
});

async function listElements(postgresUrl: string): Promise<unknown[]> {
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT element_id, mode, location->>'path' AS path FROM storage_elements ORDER BY element_id`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

function elementsBelow(dataDirectory: string): unknown[] {
  return ['edit-01', 'rw-01'].map((id) => ({
    element_id: id,
    mode: id.split('-')[0],
    path: join(dataDirectory, 'elements', id),
  }));
}

test('without its database the stack registers the elements by their markers and asks for a rebuild', async (t) => {
  const { dataDirectory } = t.context;
  const first = await startEmbedded(dataDirectory);
  const { credentials_file: file } = first.ready();
  t.deepEqual(await listElements(first.ready().postgres_url), elementsBelow(dataDirectory));
  t.false(first.output().includes('rebuild'));
  const credentials = await readFile(file, 'utf8');
  t.is(await first.end('SIGTERM'), 0);

  const markerFile = join(dataDirectory, 'elements/edit-01/.artstore/element.json');
  const marker = await readFile(markerFile, 'utf8');
  await mkdir(join(dataDirectory, 'elements/edit-01/2026/11/25/10'), { recursive: true });
  await rm(join(dataDirectory, 'postgres'), { recursive: true });

  const second = await startEmbedded(dataDirectory);
  t.deepEqual(await listElements(second.ready().postgres_url), elementsBelow(dataDirectory));
  t.is(await readFile(markerFile, 'utf8'), marker, 'the marker is the old one');
  t.not(await readFile(file, 'utf8'), credentials, 'the account is a new one');
  t.true(second.output().includes('a rebuild of the catalogue'));
  t.true(second.output().includes('artstore rebuild edit-01'));
  t.true(second.output().includes('POST /api/v1/storage-elements/edit-01/rebuild'));
  t.false(second.output().includes('rebuild rw-01'), 'nothing lies on it');
  t.is(await second.end('SIGTERM'), 0);
});

test('a data directory that was moved uses its own elements, also where only its owner may enter', async (t) => {
  const { dataDirectory } = t.context;
  await chmod(dataDirectory, 0o700);
  const origin = join(dataDirectory, 'origin');
  const moved = join(dataDirectory, 'moved');
  const first = await startEmbedded(origin);
  t.is(await first.end('SIGTERM'), 0);
  await rename(origin, moved);
  const second = await startEmbedded(moved);
  t.deepEqual(await listElements(second.ready().postgres_url), elementsBelow(moved));
  t.is(await second.end('SIGTERM'), 0);
});

test('a database whose master key is gone is not opened with a new one', async (t) => {
  const { dataDirectory } = t.context;
  await mkdir(join(dataDirectory, 'postgres'));
  await writeFile(join(dataDirectory, 'postgres', 'PG_VERSION'), '18\n');
  const { code, output } = await runEmbedded({
    ARTSTORE_DATA_DIR: dataDirectory,
    ARTSTORE_HTTP_PORT: '0',
  });
  t.is(code, 1);
  t.regex(output, /master\.key is missing/);
});

test('a search index that does not open any more is set aside, and everything starts', async (t) => {
  const { dataDirectory } = t.context;
  const first = await startEmbedded(dataDirectory);
  t.is(await first.end('SIGTERM'), 0);
  const folder = join(dataDirectory, 'meilisearch');
  await writeFile(join(folder, 'data', 'VERSION'), '');

  const second = await startEmbedded(dataDirectory);
  t.is((await fetch(`${second.ready().meilisearch_url}/health`)).status, 200);
  t.true(second.output().includes('/api/v1/search/reindex'));
  t.is((await readdir(folder)).filter((name) => name.startsWith('damaged-')).length, 1);
  t.is(await second.end('SIGTERM'), 0);
});

import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createServer } from '#api/server.ts';
import type { FileId } from '#domain/ids.ts';
import { openRedisFileCache, type RedisFileCache } from '#infra/redis/redis-file-cache.ts';
import { createLogger } from '#infra/telemetry/logger.ts';
import { until } from '#test/support/element-harness.ts';
import { connectToRedis, startOwnRedis, type OwnRedis } from '#test/support/own-redis.ts';
import { storeFiles } from '#test/support/stored-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

const applicationName = 'artstore-test';

interface Shown {
  readonly description: string | null;
  readonly state: string;
}

/** Two API servers over one database and one Redis, each with a connection of its own. */
async function startPair(redis: OwnRedis) {
  const caches = [redis.url, redis.url].map((url) => openRedisFileCache(url, { applicationName }));
  const [cache, otherCache] = caches as [RedisFileCache, RedisFileCache];
  const reads = { count: 0 };
  const api = await startTestApi(({ catalogue }) => ({
    cache,
    catalogue: {
      findFile(fileId) {
        reads.count += 1;
        return catalogue.findFile(fileId);
      },
      findDeletedAt: (fileId) => catalogue.findDeletedAt(fileId),
      listFiles: (query) => catalogue.listFiles(query),
      changeState: (...change) => catalogue.changeState(...change),
    },
  }));
  const other = createServer({
    ports: { ...api.ports, cache: otherCache },
    settings: {
      publicUrl: api.url,
      workflowPageUrl: null,
      cursorKey: randomBytes(32),
      instanceName: 'api-test-2',
      deletionGraceMs: 0,
    },
    logger: createLogger({ name: 'api', level: 'fatal', destination: { write: () => undefined } }),
  });
  await new Promise<void>((resolve) => {
    other.httpServer.listen(0, '127.0.0.1', resolve);
  });
  await other.prepare();
  const { port } = other.httpServer.address() as AddressInfo;
  const { token } = await api.createClient('ADMIN');
  const headers = { Authorization: `Bearer ${token}` };
  await until('both use the cache', () => caches.every((cache) => cache.isAvailable()));
  return {
    api,
    reads,
    caches,
    async show(server: 'first' | 'second', fileId: FileId): Promise<Response> {
      const url = server === 'first' ? api.url : `http://127.0.0.1:${port}`;
      return fetch(`${url}/api/v1/files/${fileId}`, { headers });
    },
    async [Symbol.asyncDispose]() {
      await other.drain();
      await api[Symbol.asyncDispose]();
      for (const cache of caches) await cache[Symbol.asyncDispose]();
    },
  };
}

type Pair = Awaited<ReturnType<typeof startPair>>;

async function describe(pair: Pair, server: 'first' | 'second', id: FileId): Promise<string> {
  const response = await pair.show(server, id);
  return ((await response.json()) as Shown).description ?? '';
}

/** What a PATCH writes, without its workflow. */
async function changeRow(api: TestApi, fileId: FileId, description: string): Promise<void> {
  await api.database.query(
    {
      text: `update files set sidecar_digest = md5($2), revision = revision + 1, attributes =
        (attributes::jsonb || jsonb_build_object('description', $2::text))::json where file_id = $1`,
    },
    [fileId, description],
  );
}

async function storeOne(api: TestApi): Promise<FileId> {
  const [file] = await storeFiles(api.ports.uploads, [{}]);
  return file!.fileId;
}

/** With content and sidecar on its element, as changes need them. */
async function uploadOne(api: TestApi): Promise<FileId> {
  const body = new FormData();
  body.append('file', new Blob(['content']), 'договор.txt');
  const response = await api.fetch('/api/v1/files', { method: 'POST', body });
  return ((await response.json()) as { file_id: FileId }).file_id;
}

async function untilCached(pair: Pair, fileId: FileId): Promise<void> {
  await until('the second server answers from the cache', async () => {
    await pair.show('first', fileId);
    const before = pair.reads.count;
    await pair.show('second', fileId);
    return pair.reads.count === before;
  });
}

test('what one server has read the other has in the cache; a change is seen by both', async (t) => {
  await using redis = await startOwnRedis();
  await using pair = await startPair(redis);
  const { api } = pair;
  const fileId = await uploadOne(api);
  await untilCached(pair, fileId);

  const etag = (await pair.show('first', fileId)).headers.get('etag') ?? '';
  const patched = await api.fetch(`/api/v1/files/${fileId}`, {
    method: 'PATCH',
    headers: { 'If-Match': etag, 'Content-Type': 'application/merge-patch+json' },
    body: '{"description":"second"}',
  });
  t.is(patched.status, 200, await patched.text());
  t.is(await describe(pair, 'second', fileId), 'second');
  t.is(await describe(pair, 'first', fileId), 'second');
});

test('a change of state is seen by the other server', async (t) => {
  await using redis = await startOwnRedis();
  await using pair = await startPair(redis);
  const { api } = pair;
  const fileId = await storeOne(api);
  await untilCached(pair, fileId);
  // The content of this file was never written: reading it marks the file.
  const response = await api.fetch(`/api/v1/files/${fileId}/content`);
  await response.arrayBuffer();
  t.is(response.status, 404);
  const shown = (await (await pair.show('second', fileId)).json()) as Shown;
  t.is(shown.state, 'missing');
});

test('a deletion is seen by the other server before it is answered', async (t) => {
  await using redis = await startOwnRedis();
  await using pair = await startPair(redis);
  const { api } = pair;
  const fileId = await uploadOne(api);
  await untilCached(pair, fileId);
  const deleted = await api.fetch(`/api/v1/files/${fileId}`, { method: 'DELETE' });
  t.is(deleted.status, 202, await deleted.text());
  for (const server of ['first', 'second'] as const) {
    const { status } = await pair.show(server, fileId);
    t.true([404, 410].includes(status), `${status}`);
  }
});

test('under load, flushed again and again, hung and killed: every read is right', async (t) => {
  await using redis = await startOwnRedis();
  await using pair = await startPair(redis);
  const { api } = pair;
  const eye = connectToRedis(redis.url);
  eye.on('error', () => undefined);
  t.teardown(() => eye.disconnect());
  const fileId = await storeOne(api);
  let version = 0;
  let isLoading = true;
  let isFailing = false;
  const wrong: string[] = [];

  async function load(server: 'first' | 'second'): Promise<number> {
    let count = 0;
    for (; isLoading; count += 1) {
      const answeredBefore = version;
      const response = await pair.show(server, fileId);
      const { description } = (await response.json()) as Shown;
      if (response.status !== 200) wrong.push(`${response.status}`);
      // Whoever asks after a change was answered sees it, or a later one.
      else if (Number(description) < answeredBefore) wrong.push(`${description}`);
    }
    return count;
  }

  async function change(): Promise<void> {
    await changeRow(api, fileId, String(version + 1));
    // As the ports of the server do before it answers.
    const [cache] = pair.caches;
    const isTold = await cache!.invalidateFiles([fileId]);
    // Late on a busy machine: the follower would repeat it, and here the new epoch does.
    if (!isTold && !isFailing) await until('a new epoch', () => cache!.isAvailable());
    version += 1;
  }

  await changeRow(api, fileId, '0');
  const loads = [load('first'), load('second'), load('second')];
  for (let round = 0; round < 15; round += 1) {
    await change();
    await eye.flushall();
    await change();
    await pair.show('first', fileId);
  }
  isFailing = true;
  redis.hang();
  for (let round = 0; round < 5; round += 1) await change();
  await until('both have noticed', () => pair.caches.every((cache) => !cache.isAvailable()));
  await change();
  redis.resume();
  await until('both use it again', () => pair.caches.every((cache) => cache.isAvailable()));
  await change();
  await redis.kill();
  await change();
  await redis.start();
  await until('both use it again', () => pair.caches.every((cache) => cache.isAvailable()));
  isFailing = false;
  await change();
  isLoading = false;
  const counts = await Promise.all(loads);
  t.deepEqual(wrong, []);
  t.true(counts.every((count) => count > 0));
});

test('with Redis gone or silent requests are answered by the catalogue', async (t) => {
  await using redis = await startOwnRedis();
  await using pair = await startPair(redis);
  const fileId = await storeOne(pair.api);
  for (const fail of ['hang', 'kill'] as const) {
    await redis[fail]();
    const answers = await Promise.all(Array.from({ length: 20 }, () => pair.show('first', fileId)));
    t.true(
      answers.every(({ status }) => status === 200),
      fail,
    );
    redis.resume();
  }
});

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { limits } from '#domain/limits.ts';
import type { CacheTicket } from '#domain/ports/file-cache.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import type { ElementId } from '#domain/ids.ts';
import { createRedisHealth, openRedisFileCache } from '#infra/redis/redis-file-cache.ts';
import { until } from '#test/support/element-harness.ts';
import { connectToRedis, startOwnRedis } from '#test/support/own-redis.ts';
import { newFileId } from '#test/support/stored-files.ts';
import { testStack } from '#test/support/test-stack.ts';

function someFile(description = 'first'): CatalogueFile {
  return {
    fileId: newFileId(),
    elementId: 'edit-01' as ElementId,
    elementMode: 'edit',
    storagePath: '2025/11/08/10',
    storageFilename: 'договор.pdf',
    attributes: `{"description":"${description}","big":12345678901234567890}`,
    sidecarDigest: randomUUID(),
    state: 'stored',
    verifiedAt: null,
  };
}

const changed = (file: CatalogueFile): CatalogueFile => ({ ...file, sidecarDigest: randomUUID() });

async function openCache(url = testStack().redisUrl) {
  const cache = openRedisFileCache(url, { applicationName: 'artstore-test' });
  await until('the cache is used', () => cache.isAvailable());
  return cache;
}

type Cache = Awaited<ReturnType<typeof openCache>>;

/** Also where a busy machine looked like an outage, which begins a new epoch. */
async function put(cache: Cache, file: CatalogueFile, revision: number): Promise<void> {
  await until('it is cached', async () => {
    const { file: held, ticket } = await cache.readFile(file.fileId);
    if (held?.sidecarDigest === file.sidecarDigest) return true;
    if (ticket !== null) await cache.writeFile({ file, revision, ticket });
    return false;
  });
}

async function takeTicket(cache: Cache, file: CatalogueFile): Promise<CacheTicket> {
  // Others on this server begin new epochs whenever they come.
  let found: CacheTicket | null = null;
  await until('there is a ticket', async () => {
    found = (await cache.readFile(file.fileId)).ticket;
    return found !== null;
  });
  return found as unknown as CacheTicket;
}

test('what was put is read, digit for digit, until it is changed', async (t) => {
  await using redis = await startOwnRedis();
  await using cache = await openCache(redis.url);
  const file = someFile();
  await put(cache, file, 1);
  t.deepEqual((await cache.readFile(file.fileId)).file, file);
  t.is((await cache.readFile(newFileId())).file, null);

  t.true(await cache.invalidateFiles([file.fileId]));
  t.is((await cache.readFile(file.fileId)).file, null);
});

test('a reader from before the change cannot put the old value back, one from after it can', async (t) => {
  await using redis = await startOwnRedis();
  await using cache = await openCache(redis.url);
  const file = someFile();
  const slow = await takeTicket(cache, file);
  await cache.invalidateFiles([file.fileId]);
  await cache.writeFile({ file, revision: 1, ticket: slow });
  t.is((await cache.readFile(file.fileId)).file, null);

  const newer = changed(file);
  await put(cache, newer, 2);
  t.deepEqual((await cache.readFile(file.fileId)).file, newer);
});

test('a ticket that outlived its floor is worth nothing', async (t) => {
  await using redis = await startOwnRedis();
  await using cache = await openCache(redis.url);
  const file = someFile();
  const { epoch, issuedAtUs } = await takeTicket(cache, file);
  const old = { epoch, issuedAtUs: issuedAtUs - limits.cacheFloorSeconds * 1_000_000 };
  await cache.writeFile({ file, revision: 1, ticket: old });
  t.is((await cache.readFile(file.fileId)).file, null);
});

test('the higher revision stays, unless the file was invalidated', async (t) => {
  await using redis = await startOwnRedis();
  await using cache = await openCache(redis.url);
  const [second, file] = [someFile('second'), someFile()];
  const newer = { ...second, fileId: file.fileId };
  await put(cache, newer, 2);
  const ticket = await takeTicket(cache, file);
  await cache.writeFile({ file, revision: 1, ticket });
  t.deepEqual((await cache.readFile(file.fileId)).file, newer);

  await cache.invalidateFiles([file.fileId]);
  await put(cache, file, 1);
  t.deepEqual((await cache.readFile(file.fileId)).file, file, 'a file can go back to a revision');
});

test('entries end by themselves, and floors too', async (t) => {
  await using redis = await startOwnRedis();
  await using cache = await openCache(redis.url);
  const file = someFile();
  const eye = connectToRedis(redis.url);
  t.teardown(() => eye.disconnect());
  await cache.invalidateFiles([file.fileId]);
  await put(cache, file, 1);
  const entryTtl = await eye.ttl(`artstore:file:{${file.fileId}}`);
  const floorTtl = await eye.ttl(`artstore:floor:{${file.fileId}}`);
  t.true(entryTtl > 0 && entryTtl <= limits.cacheTtlSeconds);
  t.true(floorTtl > 0 && floorTtl <= limits.cacheFloorSeconds);
});

test('a flush takes everything and harms nothing; scripts forgotten are sent again', async (t) => {
  await using redis = await startOwnRedis();
  await using cache = await openCache(redis.url);
  const file = someFile();
  const eye = connectToRedis(redis.url);
  t.teardown(() => eye.disconnect());
  const before = await takeTicket(cache, file);
  await cache.writeFile({ file, revision: 1, ticket: before });
  await eye.flushall();
  await eye.script('FLUSH');
  t.is((await cache.readFile(file.fileId)).file, null);
  const after = await takeTicket(cache, file);
  t.not(after.epoch, before.epoch);
  await cache.writeFile({ file, revision: 1, ticket: before });
  t.is((await cache.readFile(file.fileId)).file, null, 'put in an epoch that is over');
  await put(cache, file, 1);
  t.deepEqual((await cache.readFile(file.fileId)).file, file);
});

test('rubbish under a key is not taken for a file', async (t) => {
  await using redis = await startOwnRedis();
  await using cache = await openCache(redis.url);
  const file = someFile();
  const eye = connectToRedis(redis.url);
  t.teardown(() => eye.disconnect());
  const { epoch } = await takeTicket(cache, file);
  const key = `artstore:file:{${file.fileId}}`;
  for (const text of ['{', 'null', '{"fileId":"another"}']) {
    await eye.hset(key, { epoch, revision: '1', file: text });
    t.is((await cache.readFile(file.fileId)).file, null, text);
  }
});

for (const [how, fail, recover] of [
  ['hangs', 'hang', 'resume'],
  ['is killed', 'kill', 'start'],
] as const) {
  test(`while Redis ${how} nobody waits, and what it held before is never believed again`, async (t) => {
    await using redis = await startOwnRedis();
    await using busy = await openCache(redis.url);
    await using idle = await openCache(redis.url);
    const file = someFile();
    await until('it is cached', async () => {
      const { ticket } = await busy.readFile(file.fileId);
      if (ticket !== null) await busy.writeFile({ file, revision: 1, ticket });
      return (await idle.readFile(file.fileId)).file !== null;
    });
    const ticket = await takeTicket(busy, file);

    await redis[fail]();
    t.false(await busy.invalidateFiles([file.fileId]), 'it could not be told');
    t.deepEqual(await busy.readFile(file.fileId), { file: null, ticket: null });
    t.false(busy.isAvailable());
    await t.throwsAsync(createRedisHealth(busy).check(AbortSignal.timeout(1000)));
    await busy.writeFile({ file, revision: 1, ticket });
    // Who uses nothing meanwhile notices too.
    await until('the idle one has noticed', () => !idle.isAvailable());
    t.deepEqual(await idle.readFile(file.fileId), { file: null, ticket: null });

    await redis[recover]();
    await until('both use it again', async () => {
      const answers = await Promise.all([busy.readFile(file.fileId), idle.readFile(file.fileId)]);
      for (const answer of answers) t.is(answer.file, null);
      return answers.every((answer) => answer.ticket !== null);
    });
    await busy.writeFile({ file, revision: 1, ticket });
    t.is((await idle.readFile(file.fileId)).file, null, 'put in an epoch that is over');
    await createRedisHealth(busy).check(AbortSignal.timeout(1000));
  });
}

test('without a server the cache has nothing, and starts to work when there is one', async (t) => {
  await using redis = await startOwnRedis();
  await redis.kill();
  await using cache = openRedisFileCache(redis.url, { applicationName: 'artstore-test' });
  const file = someFile();
  t.deepEqual(await cache.readFile(file.fileId), { file: null, ticket: null });
  t.false(await cache.invalidateFiles([file.fileId]));
  await redis.start();
  await until('it works', async () => (await cache.readFile(file.fileId)).ticket !== null);
  t.pass();
});

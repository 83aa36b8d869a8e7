import test from 'ava';
import { TargetUnavailableError, createCacheTarget } from '#activities/feed-targets.ts';
import type { FileId } from '#domain/ids.ts';
import { openRedisFileCache } from '#infra/redis/redis-file-cache.ts';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  createLoggingTarget,
  openFollowerHarness,
  readTaken,
  type FollowerHarness,
} from '#test/support/follower-harness.ts';
import { killFollower } from '#test/support/killed-follower.ts';
import { startOwnRedis } from '#test/support/own-redis.ts';
import { storeFiles } from '#test/support/stored-files.ts';

let temporal: TemporalHarness;
test.before(async () => {
  temporal = await openTemporalHarness();
});
test.after.always(() => temporal[Symbol.asyncDispose]());

async function store(harness: FollowerHarness, count: number): Promise<FileId[]> {
  const files = await storeFiles(
    harness.catalogue.uploads,
    Array.from({ length: count }, () => ({})),
  );
  return files.map(({ fileId }) => fileId);
}

async function untilTaken(harness: FollowerHarness, fileIds: readonly FileId[]): Promise<FileId[]> {
  let taken: FileId[] = [];
  await until('all are taken', async () => {
    taken = await readTaken(harness.database);
    const found = new Set(taken);
    return fileIds.every((fileId) => found.has(fileId));
  });
  await until('the position has followed', async () => {
    const { rows } = await harness.outbox.measureLag('search');
    return rows === 0;
  });
  return taken;
}

test('what is committed is handed on in order, once, turn after turn', async (t) => {
  await using harness = await openFollowerHarness(temporal);
  const target = await createLoggingTarget(harness.database);
  const before = await store(harness, 3);
  t.like(await harness.outbox.measureLag('search'), { rows: 3 }, 'lag is visible');
  await using worker = await harness.startWorker({ target, turnMs: 300 });
  const handle = await harness.startFollower();
  await untilTaken(harness, before);
  const groups = [await store(harness, 2), await store(harness, 2)];
  const taken = await untilTaken(harness, groups.flat());
  t.is(taken.length, 7);
  t.deepEqual(taken.slice(0, 3).toSorted(), before.toSorted());
  t.deepEqual(taken.slice(3, 5).toSorted(), groups[0]!.toSorted());
  const first = harness.firstRun(handle);
  await until('the run has ended in the next', async () => {
    const { status } = await first.describe();
    return status.name === 'CONTINUED_AS_NEW';
  });
  // Who starts it again finds it running.
  const again = await harness.startFollower();
  t.is(again.workflowId, handle.workflowId);
  void worker;
});

test('killed between handing on and moving on, the follower repeats and skips nothing', async (t) => {
  await using harness = await openFollowerHarness(temporal);
  const target = await createLoggingTarget(harness.database);
  const before = await store(harness, 4);
  await harness.startFollower();
  await killFollower(temporal, harness);
  t.is(await harness.outbox.readPosition('search'), null);
  const after = await store(harness, 2);
  await using worker = await harness.startWorker({ target });
  const taken = await untilTaken(harness, [...before, ...after]);
  for (const fileId of before) t.is(taken.filter((it) => it === fileId).length, 2);
  void worker;
});

test('a target that does not answer is waited for, and nothing fails', async (t) => {
  await using harness = await openFollowerHarness(temporal);
  const target = await createLoggingTarget(harness.database);
  let isAnswering = false;
  const calls = { prepare: 0, refused: 0 };
  const fileIds = await store(harness, 2);
  await using worker = await harness.startWorker({
    target: {
      prepare() {
        calls.prepare += 1;
        return Promise.resolve();
      },
      applyFiles(ids) {
        if (isAnswering) return target.applyFiles(ids);
        calls.refused += 1;
        return Promise.reject(new TargetUnavailableError('not now'));
      },
    },
  });
  const handle = await harness.startFollower();
  await until('it was tried more than once', () => calls.refused >= 3);
  t.is(await harness.outbox.readPosition('search'), null);
  isAnswering = true;
  await untilTaken(harness, fileIds);
  t.true(calls.prepare > calls.refused, 'prepared anew after each refusal');
  const { raw } = await handle.describe();
  t.true((raw.pendingActivities ?? []).every(({ attempt }) => attempt === 1));
  void worker;
});

test('two followers at once hand on everything; the last word is the newest', async (t) => {
  await using harness = await openFollowerHarness(temporal);
  const target = await createLoggingTarget(harness.database);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let applied = 0;
  const fileIds = await store(harness, 2);
  await using worker = await harness.startWorker({
    target: {
      prepare: () => target.prepare(),
      async applyFiles(ids) {
        applied += 1;
        if (applied === 1) await released;
        await target.applyFiles(ids);
      },
    },
  });
  await harness.startFollower();
  await until('the first batch is on its way', () => applied === 1);
  // Another attempt has handed the batch on meanwhile, and moved the position.
  const [, last] = await harness.outbox.readAfter(null, 10);
  await harness.outbox.movePosition('search', null, last!);
  release();
  await until('it was handed on again', () => applied === 2);
  const more = await store(harness, 1);
  const taken = await untilTaken(harness, [...fileIds, ...more]);
  t.is(taken.length, 5);
  void worker;
});

test('the follower takes changed files out of a cache that could not be told at once', async (t) => {
  await using redis = await startOwnRedis();
  await using harness = await openFollowerHarness(temporal);
  const applicationName = 'artstore-test';
  await using told = openRedisFileCache(redis.url, { applicationName });
  await using reader = openRedisFileCache(redis.url, { applicationName });
  await using worker = await harness.startWorker({ target: createCacheTarget(told) });
  const [fileId] = await store(harness, 1);
  const file = (await harness.catalogue.files.findFile(fileId!))!;
  await harness.startFollower();
  await until('the stored file was followed', async () => {
    const { rows } = await harness.outbox.measureLag('search');
    return rows === 0;
  });
  await until('it is cached', async () => {
    const { file: cached, ticket } = await reader.readFile(fileId!);
    if (ticket !== null) await reader.writeFile({ file, revision: 1, ticket });
    return cached !== null;
  });
  await harness.catalogue.files.changeState(fileId!, 'stored', 'suspect', 'test');
  await until('it is gone from the cache', async () => {
    return (await reader.readFile(fileId!)).file === null;
  });
  t.is((await harness.catalogue.files.findFile(fileId!))?.state, 'suspect');
  void worker;
});

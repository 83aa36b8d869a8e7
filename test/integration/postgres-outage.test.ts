import test from 'ava';
import { Client } from 'pg';
import type { ElementId } from '#domain/ids.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { createPostgresHealth } from '#infra/postgres/postgres-health.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { edit01, openTestCatalogue } from '#test/support/open-test-catalogue.ts';
import { newFileId, storeFiles, uploadRequest } from '#test/support/stored-files.ts';

const sleeping = { text: 'select pg_sleep(60)' };

/** Kills every connection of the named application as an administrator would. */
async function terminateBackends(admin: Client, applicationName: string): Promise<number> {
  const { rowCount } = await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = $1 and datname = current_database()`,
    [applicationName],
  );
  return rowCount ?? 0;
}

async function untilTrue(check: () => Promise<boolean>): Promise<void> {
  const givenUpAt = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > givenUpAt) throw new Error('the condition never came true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a query whose connection is killed says so, and the next one works', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { database, url, files, uploads } = catalogue;
  const admin = new Client({ connectionString: url, application_name: 'admin' });
  await admin.connect();
  const running = t.throwsAsync(database.query(sleeping));
  const isSleeping = async () =>
    (
      await admin.query(`select from pg_stat_activity where query like '%pg_sleep(60)' and state = 'active'
      and application_name = 'artstore-test'`)
    ).rowCount === 1;
  await untilTrue(isSleeping);
  t.true((await terminateBackends(admin, 'artstore-test')) >= 1);
  t.like(await running, { code: 'CATALOGUE_UNAVAILABLE' });
  t.truthy((await running).cause);
  t.is(await files.findFile(newFileId()), null);
  await t.notThrowsAsync(storeFiles(uploads, [{}]));
  await admin.end();
});

test('idle connections that are killed disturb nobody', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { url, files, elements } = catalogue;
  await files.findFile(newFileId());
  await elements.listElements();
  const admin = new Client({ connectionString: url, application_name: 'admin' });
  await admin.connect();
  t.true((await terminateBackends(admin, 'artstore-test')) >= 1);
  t.true((await terminateBackends(admin, 'artstore-test-orm')) >= 1);
  // The news may not have come yet: at most this one call meets it.
  await files.findFile(newFileId()).catch(() => null);
  await elements.listElements().catch(() => null);
  t.is(await files.findFile(newFileId()), null);
  t.is((await elements.listElements()).length, 2);
  await admin.end();
});

test('without a server everything is CATALOGUE_UNAVAILABLE, with its cause', async (t) => {
  const url = 'postgres://nobody:nothing@127.0.0.1:1/nowhere';
  await using database = openPool({ url, applicationName: 'artstore-test', poolSize: 2 });
  const orm = await openOrm(url, 'artstore-test');
  const calls = [
    () => new PostgresUploadRegistry(database).openUpload(uploadRequest()),
    () => new PostgresUploadRegistry(database).extendReservation(newFileId(), 1),
    () => new PostgresStorageElementRegistry(orm).listElements(),
    () => createPostgresHealth(database).check(new AbortController().signal),
  ];
  for (const call of calls) {
    const error = await t.throwsAsync(call());
    t.like(error, { code: 'CATALOGUE_UNAVAILABLE' });
    t.truthy(error.cause);
  }
  await orm.close(true);
});

test('a fault of ours is not mistaken for an outage', async (t) => {
  await using catalogue = await openTestCatalogue();
  const error = await t.throwsAsync(catalogue.database.query({ text: 'select from nowhere' }));
  t.like(error, { code: '42P01' });
  await t.notThrowsAsync(
    createPostgresHealth(catalogue.database).check(new AbortController().signal),
  );
});

test('an element lock is held by one at a time', async (t) => {
  await using catalogue = await openTestCatalogue();
  const first = await openElementLock(catalogue.url, edit01);
  t.true(first.isHeld());
  t.is(first.elementId, edit01);
  await using other = await openElementLock(catalogue.url, 'edit-02' as ElementId);
  t.true(other.isHeld());
  const waiting = openElementLock(catalogue.url, edit01);
  await untilTrue(async () => {
    const rows = await catalogue.database.query({
      text: `select from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())`,
    });
    return rows.length === 1;
  });
  await first[Symbol.asyncDispose]();
  t.false(first.isHeld());
  t.false(first.lost.aborted);
  await using second = await waiting;
  t.true(second.isHeld());
});

test('an element lock is lost with its connection, and can be had again', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using lock = await openElementLock(catalogue.url, edit01);
  const waiting = openElementLock(catalogue.url, edit01);
  const lost = new Promise((resolve) => lock.lost.addEventListener('abort', resolve));
  await catalogue.database.query({
    text: `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())`,
  });
  await lost;
  t.false(lock.isHeld());
  t.like(lock.lost.reason, { code: 'ELEMENT_UNAVAILABLE' });
  await using next = await waiting;
  t.true(next.isHeld());
});

test('waiting for an element lock outlives its connection and ends on request', async (t) => {
  await using catalogue = await openTestCatalogue();
  const first = await openElementLock(catalogue.url, edit01);
  const stop = new AbortController();
  const waiting = openElementLock(catalogue.url, edit01);
  const stopped = t.throwsAsync(openElementLock(catalogue.url, edit01, { signal: stop.signal }));
  const countWaiting = async () =>
    (
      await catalogue.database.query({
        text: `select from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`,
      })
    ).length;
  await untilTrue(async () => (await countWaiting()) === 2);
  stop.abort(new Error('shutting down'));
  t.is((await stopped).message, 'shutting down');
  await untilTrue(async () => (await countWaiting()) === 1);
  await catalogue.database.query({
    text: `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
      and not granted
      and database = (select oid from pg_database where datname = current_database())`,
  });
  await untilTrue(async () => (await countWaiting()) === 1);
  await first[Symbol.asyncDispose]();
  await using second = await waiting;
  t.true(second.isHeld());
});

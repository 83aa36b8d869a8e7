import test from 'ava';
import { unmappedTables } from '#infra/postgres/entities.ts';
import { migrateDatabase } from '#infra/postgres/migrate.ts';
import { migrations } from '#infra/postgres/migrations/migrations.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { createEmptyDatabase, createTestDatabase } from '#test/support/test-database.ts';

test('several processes migrate an empty database at once, and again', async (t) => {
  const { url, dispose } = await createEmptyDatabase();
  await Promise.all(Array.from({ length: 5 }, () => migrateDatabase(url)));
  await migrateDatabase(url);
  const database = openPool({ url, applicationName: 'artstore-test', poolSize: 1 });
  const runs = await database.query({ text: 'select name from schema_migrations order by id' });
  t.deepEqual(
    runs,
    migrations.map(({ name }) => ({ name })),
  );
  await database[Symbol.asyncDispose]();
  await dispose();
});

test('a failed migration leaves nothing behind and the next run repairs it', async (t) => {
  const { url, dispose } = await createEmptyDatabase();
  const database = openPool({ url, applicationName: 'artstore-test', poolSize: 1 });
  await database.query({ text: 'create table signing_keys (in_the_way int)' });
  await t.throwsAsync(migrateDatabase(url));
  const tables = await database.query({
    text: `select from pg_tables where tablename in ('uploads', 'storage_elements')`,
  });
  t.is(tables.length, 0);
  await database.query({ text: 'drop table signing_keys' });
  await t.notThrowsAsync(migrateDatabase(url));
  await database[Symbol.asyncDispose]();
  await dispose();
});

test('a database that cannot hold every name is refused before anything is made', async (t) => {
  const { url, dispose } = await createEmptyDatabase('LATIN1');
  const error = await t.throwsAsync(migrateDatabase(url));
  t.regex(error.message, /UTF8/);
  await dispose();
});

test('the entities and the migrated tables are the same', async (t) => {
  const { url, dispose } = await createTestDatabase();
  const orm = await openOrm(url, 'artstore-test');
  t.is((await orm.schema.getUpdateSchemaSQL({ wrap: false })).trim(), '');
  const tables = await orm.em
    .fork()
    .execute<{ name: string }[]>(
      `select tablename as name from pg_tables where schemaname = 'public'`,
    );
  const mapped = [...orm.getMetadata().getAll().values()].map((entity) => entity.tableName);
  t.deepEqual(
    tables.map(({ name }) => name).toSorted(),
    [...mapped, ...unmappedTables, 'schema_migrations'].toSorted(),
  );
  await orm.close(true);
  await dispose();
});

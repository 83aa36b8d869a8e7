import type { MikroORM } from '@mikro-orm/postgresql';
import type { ElementId } from '#domain/ids.ts';
import type { StorageElement } from '#domain/storage-elements.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresOperationRegistry } from '#infra/postgres/postgres-operation-registry.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

export interface TestCatalogue extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  readonly orm: MikroORM;
  readonly uploads: PostgresUploadRegistry;
  readonly files: PostgresFileCatalogue;
  readonly operations: PostgresOperationRegistry;
  readonly journal: PostgresOperationJournal;
  readonly changes: PostgresFileChanges;
  readonly elements: PostgresStorageElementRegistry;
  /** Another process's view: a pool and batches of its own. */
  openSecondRegistry(): { readonly uploads: PostgresUploadRegistry } & AsyncDisposable;
}

export const edit01 = 'edit-01' as ElementId;
export const rw01 = 'rw-01' as ElementId;

const gigabyte = 1_000_000_000;

/** A database of its own with the elements `edit-01` and `rw-01`, 100 GB each. */
export async function openTestCatalogue(): Promise<TestCatalogue> {
  const empty = await createTestDatabase();
  const { url } = empty;
  const database = openPool({ url, applicationName: 'artstore-test', poolSize: 10 });
  const orm = await openOrm(url, 'artstore-test-orm');
  const elements = new PostgresStorageElementRegistry(orm);
  await elements.registerElement(testElement(edit01));
  await elements.registerElement(testElement(rw01, { mode: 'rw' }));
  return {
    url,
    database,
    orm,
    elements,
    uploads: new PostgresUploadRegistry(database),
    files: new PostgresFileCatalogue(database),
    operations: new PostgresOperationRegistry(database),
    journal: new PostgresOperationJournal(database),
    changes: new PostgresFileChanges(database),
    openSecondRegistry() {
      const second = openPool({ url, applicationName: 'artstore-test-2', poolSize: 10 });
      return {
        uploads: new PostgresUploadRegistry(second),
        [Symbol.asyncDispose]: () => second[Symbol.asyncDispose](),
      };
    },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await orm.close(true);
      await empty.dispose();
    },
  };
}

export function testElement(
  elementId: ElementId,
  change: Partial<Omit<StorageElement, 'usedBytes' | 'reservedBytes'>> = {},
): Omit<StorageElement, 'usedBytes' | 'reservedBytes'> {
  return {
    elementId,
    name: elementId,
    type: 'filesystem',
    mode: 'edit',
    priority: 100,
    capacityBytes: 100 * gigabyte,
    location: { path: `/srv/${elementId}` },
    status: 'online',
    ...change,
  };
}

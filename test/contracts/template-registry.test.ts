import test from 'ava';
import { openPool } from '#infra/postgres/open-pool.ts';
import { PostgresTemplateRegistry } from '#infra/postgres/postgres-template-registry.ts';
import { createTestDatabase } from '#test/support/test-database.ts';
import { templateRegistryContract } from './template-registry-contract.ts';

for (const [name, should] of Object.entries(templateRegistryContract)) {
  const title = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  test.serial(`PostgreSQL as the template registry ${title}`, async (t) => {
    const { url, dispose } = await createTestDatabase();
    const open = () => openPool({ url, applicationName: 'artstore-test', poolSize: 10 });
    {
      await using first = open();
      await using second = open();
      await should(t, {
        registry: new PostgresTemplateRegistry(first),
        other: new PostgresTemplateRegistry(second),
      });
    }
    await dispose();
  });
}

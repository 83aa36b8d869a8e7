import test from 'ava';
import { openTestCatalogue } from '#test/support/open-test-catalogue.ts';
import { uploadRegistryContract } from './upload-registry-contract.ts';

for (const [name, should] of Object.entries(uploadRegistryContract)) {
  const title = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  test.serial(`PostgreSQL as the upload registry ${title}`, async (t) => {
    await using catalogue = await openTestCatalogue();
    await should(t, catalogue);
  });
}

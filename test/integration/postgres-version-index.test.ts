import test from 'ava';
import { Client } from 'pg';
import { attributesVersions } from '#domain/attributes/versions.ts';
import { keepVersionIndex } from '#infra/postgres/version-index.ts';
import { openTestCatalogue } from '#test/support/open-test-catalogue.ts';
import { newGroupId, stagedUpload, storeFiles, uploadRequest } from '#test/support/stored-files.ts';
import { versionsWithV3 } from '#test/support/made-up-version.ts';

const released = attributesVersions.newest.version;
const ahead = versionsWithV3.newest.version;

test('the index of older files follows the version that is written', async (t) => {
  await using catalogue = await openTestCatalogue();
  await storeFiles(catalogue.uploads, [{}, {}]);
  const client = new Client({ connectionString: catalogue.url, application_name: 'artstore-test' });
  await client.connect();
  try {
    const find = `select oid::text, pg_get_indexdef(oid) as definition from pg_class
      where relname = 'files_to_migrate'`;
    const readIndex = async () =>
      (await client.query<{ oid: string; definition: string }>(find)).rows[0];
    const countByIndex = async (newest: string) => {
      await client.query('set enable_seqscan = off');
      const text = `select file_id from files f where f.schema_version = '${released}'
        and f.schema_version <> '${newest}' and f.element_id = 'edit-01' order by file_id`;
      const plan = await client.query<{ 'QUERY PLAN': string }>(`explain ${text}`);
      const usesIndex = plan.rows.some((row) => row['QUERY PLAN'].includes('files_to_migrate'));
      return { usesIndex, count: (await client.query(text)).rows.length };
    };
    const before = await readIndex();
    t.true(before?.definition.includes(`'${released}'`));
    await keepVersionIndex(client, released);
    t.deepEqual(await readIndex(), before, 'nothing to do');

    await keepVersionIndex(client, ahead);
    const after = await readIndex();
    t.is(after?.definition, before?.definition.replace(`'${released}'`, `'${ahead}'`));
    await client.query('analyze files');
    t.deepEqual(await countByIndex(ahead), { usesIndex: true, count: 2 });
    await keepVersionIndex(client, ahead);
    t.deepEqual(await readIndex(), after);
    await t.throwsAsync(keepVersionIndex(client, "3.0' or true"), { instanceOf: TypeError });
  } finally {
    await client.end();
  }
});

test('the row of an upload says the version of the sidecar that was written', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { uploads, database } = catalogue;
  const request = uploadRequest();
  const outcome = await uploads.openUpload(request);
  if (outcome.kind !== 'opened') throw new Error('the upload was not opened');
  const { fileId } = request;
  const staged = stagedUpload({ fileId, elementId: outcome.elementId });
  const sidecar = staged.sidecar.replace(`"${released}"`, `"${ahead}"`);
  const groupId = newGroupId();
  await uploads.stageUploads([{ ...staged, sidecar }]);
  await uploads.claimGroup(groupId, [fileId]);
  await uploads.recordGroup(groupId, [{ fileId, ok: true }]);
  t.deepEqual(await database.query({ text: 'select schema_version from files' }), [
    { schema_version: ahead },
  ]);
});

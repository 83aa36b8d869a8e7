import test from 'ava';
import type { FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { edit01, openTestCatalogue, rw01 } from '#test/support/open-test-catalogue.ts';
import {
  newAccountId,
  newGroupId,
  stagedUpload,
  storeFiles,
  uploadRequest,
} from '#test/support/stored-files.ts';

/** Moves an upload into the past, instead of waiting. */
async function age(database: Database, fileIds: readonly FileId[], ageMs: number): Promise<void> {
  const text = `update uploads set lease_expires_at = lease_expires_at - $2::bigint * interval '1 ms',
        updated_at = updated_at - $2::bigint * interval '1 ms',
        finished_at = finished_at - $2::bigint * interval '1 ms'
      where file_id = any($1::uuid[])`;
  await database.query({ text }, [fileIds, ageMs]);
}

test('a receiving upload is given up when its lease has ended', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { uploads, database } = catalogue;
  const [dead, alive] = [uploadRequest(), uploadRequest()];
  await Promise.all([uploads.openUpload(dead), uploads.openUpload(alive)]);
  await age(database, [dead.fileId, alive.fileId], limits.uploadLeaseMs + 1);
  await uploads.renewLeases('another', [dead.fileId]);
  await uploads.renewLeases('api-1', [alive.fileId]);
  t.deepEqual(await uploads.abandonDeadUploads(rw01), { abandoned: [] });
  t.deepEqual(await uploads.abandonDeadUploads(edit01), { abandoned: [dead.fileId] });
  t.deepEqual(await uploads.abandonDeadUploads(edit01), { abandoned: [] });
  t.like((await uploads.findUploads([dead.fileId]))[0], {
    state: 'failed',
    failure: { code: 'REQUEST_TIMEOUT' },
  });
  t.is((await catalogue.elements.findElement(edit01))?.reservedBytes, 4096);
  await uploads.renewLeases('api-1', [dead.fileId]);
  t.is((await uploads.findUploads([dead.fileId]))[0]?.state, 'failed');
});

test('a staged upload that no group took is given up, a committing one never', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { uploads, database } = catalogue;
  const requests = [uploadRequest(), uploadRequest(), uploadRequest()];
  await Promise.all(requests.map((request) => uploads.openUpload(request)));
  const [old, fresh, claimed] = requests.map(({ fileId }) => fileId) as [FileId, FileId, FileId];
  await uploads.stageUploads(
    requests.map(({ fileId }) => stagedUpload({ fileId, elementId: edit01 })),
  );
  const groupId = newGroupId();
  await uploads.claimGroup(groupId, [claimed]);
  await age(database, [old, claimed], limits.stagedUploadKeptMs + 1);
  t.deepEqual(await uploads.abandonDeadUploads(edit01), { abandoned: [old] });
  t.is((await uploads.findUploads([fresh]))[0]?.state, 'staged');
  t.is((await uploads.findUploads([claimed]))[0]?.state, 'committing');
  t.is((await uploads.findUploads([old]))[0]?.failure?.code, 'WORKFLOWS_UNAVAILABLE');
  t.deepEqual(await uploads.findStalledGroups(edit01, limits.stagedUploadKeptMs), [groupId]);
  t.deepEqual(await uploads.findStalledGroups(edit01, limits.stagedUploadKeptMs * 2), []);
  t.deepEqual(await uploads.findStalledGroups(rw01, 0), []);
});

test('one sweep gives up at most its batch', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { uploads, database } = catalogue;
  const requests = Array.from({ length: limits.sweepBatch + 20 }, () => uploadRequest());
  await Promise.all(requests.map((request) => uploads.openUpload(request)));
  const ids = requests.map(({ fileId }) => fileId);
  await age(database, ids, limits.uploadLeaseMs + 1);
  t.is((await uploads.abandonDeadUploads(edit01)).abandoned.length, limits.sweepBatch);
  t.is((await uploads.abandonDeadUploads(edit01)).abandoned.length, 20);
  t.is((await catalogue.elements.findElement(edit01))?.reservedBytes, 0);
});

test('the key of an upload whose lease has ended is taken over at once', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { uploads, database } = catalogue;
  const accountId = newAccountId();
  const dead = uploadRequest({ accountId, idempotencyKey: 'key' });
  await uploads.openUpload(dead);
  await age(database, [dead.fileId], limits.uploadLeaseMs + 1);
  const retries = Array.from({ length: 10 }, () =>
    uploadRequest({ accountId, idempotencyKey: 'key', leaseOwner: 'api-2' }),
  );
  const outcomes = await Promise.all(retries.map((request) => uploads.openUpload(request)));
  t.is(outcomes.filter((outcome) => outcome.kind === 'opened').length, 1);
  t.is((await uploads.findUploads([dead.fileId]))[0]?.state, 'failed');
  t.is((await catalogue.elements.findElement(edit01))?.reservedBytes, 4096);
  // The first owner comes back too late: it finds its upload failed.
  t.is((await uploads.stageUploads([stagedUpload({ ...dead, elementId: edit01 })])).size, 0);
});

test('finished uploads leave after their time, their files stay', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { uploads, database } = catalogue;
  const [old, fresh] = await storeFiles(uploads, [{}, {}]);
  const failed = uploadRequest();
  await uploads.openUpload(failed);
  await uploads.failUploads([failed.fileId], ['receiving'], {
    code: 'CHECKSUM_MISMATCH',
    detail: 'Wrong digest.',
  });
  const hourMs = 3_600_000;
  await age(database, [old!.fileId], limits.idempotencyKeyKeptHours * hourMs + 1);
  await age(database, [failed.fileId], limits.failedUploadKeptHours * hourMs + 1);
  t.is(await uploads.forgetFinishedUploads(rw01), 0);
  t.is(await uploads.forgetFinishedUploads(edit01), 2);
  t.is(await uploads.forgetFinishedUploads(edit01), 0);
  t.is((await uploads.findUploads([old!.fileId, failed.fileId, fresh!.fileId])).length, 1);
  t.truthy(await catalogue.files.findFile(old!.fileId));
});

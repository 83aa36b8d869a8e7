import test from 'ava';
import type { FileId } from '#domain/ids.ts';
import { isDomainError } from '#domain/errors.ts';
import type { FileOutcome } from '#domain/uploads.ts';
import { edit01, openTestCatalogue, rw01 } from '#test/support/open-test-catalogue.ts';
import {
  newAccountId,
  newGroupId,
  stagedUpload,
  storeFiles,
  uploadRequest,
} from '#test/support/stored-files.ts';

const failure = { code: 'WORKFLOWS_UNAVAILABLE', detail: 'Nothing took it.' } as const;

const byId = (a: FileOutcome, b: FileOutcome): number => (a.fileId < b.fileId ? -1 : 1);

/** Reservations of living uploads and the element's counter must always be the same sum. */
async function requireSumsAgree(
  t: { deepEqual(actual: unknown, expected: unknown): unknown },
  database: Awaited<ReturnType<typeof openTestCatalogue>>['database'],
): Promise<void> {
  const rows = await database.query<{ counted: object; summed: object }>({
    text: `select
        json_build_object('reserved', e.reserved_bytes, 'used', e.used_bytes)::jsonb as counted,
        json_build_object(
          'reserved', (select coalesce(sum(reserved_bytes), 0) from uploads u
            where u.element_id = e.element_id),
          'used', (select coalesce(sum(file_size), 0) from files f
            where f.element_id = e.element_id))::jsonb as summed
      from storage_elements e`,
  });
  for (const { counted, summed } of rows) t.deepEqual(counted, summed);
}

test('of 100 uploads with one key in two processes one is opened', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using second = catalogue.openSecondRegistry();
  const accountId = newAccountId();
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      (index % 2 === 0 ? catalogue : second).uploads.openUpload(
        uploadRequest({ accountId, idempotencyKey: 'key' }),
      ),
    ),
  );
  const opened = outcomes.filter((outcome) => outcome.kind === 'opened');
  const existing = outcomes.flatMap((outcome) =>
    outcome.kind === 'existing' ? [outcome.upload.fileId] : [],
  );
  t.is(opened.length, 1);
  t.is(new Set(existing).size, 1);
  await requireSumsAgree(t, catalogue.database);
});

test('many keys in both orders in two processes: each is opened once and nobody waits for ever', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using second = catalogue.openSecondRegistry();
  const accountId = newAccountId();
  const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`);
  const openAll = (uploads: typeof catalogue.uploads, order: readonly string[]) =>
    Promise.all(
      order.map((idempotencyKey) =>
        uploads.openUpload(uploadRequest({ accountId, idempotencyKey })),
      ),
    );
  const outcomes = await Promise.all([
    openAll(catalogue.uploads, keys),
    openAll(second.uploads, keys.toReversed()),
  ]);
  t.is(outcomes.flat().filter((outcome) => outcome.kind === 'opened').length, keys.length);
  await requireSumsAgree(t, catalogue.database);
});

test('parallel reservations in two processes fill the element to its mark and never beyond', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using second = catalogue.openSecondRegistry();
  // 1000 bytes, of which the full mark keeps 10.
  await catalogue.database.query({
    text: `update storage_elements set capacity_bytes = 1000 where element_id = 'edit-01'`,
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 200 }, (_, index) =>
      (index % 2 === 0 ? catalogue : second).uploads.openUpload(
        uploadRequest({ declaredSizeBytes: 11 }),
      ),
    ),
  );
  const refused = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  );
  t.is(outcomes.length - refused.length, 90);
  t.true(refused.every((error) => isDomainError(error, 'INSUFFICIENT_STORAGE')));
  t.is((await catalogue.elements.findElement(edit01))?.reservedBytes, 990);
  await requireSumsAgree(t, catalogue.database);
});

test('parallel extensions never reserve more than there is', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using second = catalogue.openSecondRegistry();
  const uploads = Array.from({ length: 40 }, () => uploadRequest({ declaredSizeBytes: 10 }));
  await Promise.all(uploads.map((upload) => catalogue.uploads.openUpload(upload)));
  await catalogue.database.query({
    text: `update storage_elements set capacity_bytes = 1000 where element_id = 'edit-01'`,
  });
  const outcomes = await Promise.allSettled(
    uploads.flatMap(({ fileId }) => [
      catalogue.uploads.extendReservation(fileId, 10),
      second.uploads.extendReservation(fileId, 10),
    ]),
  );
  t.is(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 59);
  t.is((await catalogue.elements.findElement(edit01))?.reservedBytes, 990);
  await requireSumsAgree(t, catalogue.database);
});

test('an upload is either failed by its API or claimed by its group, never both', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using second = catalogue.openSecondRegistry();
  const { uploads } = catalogue;
  for (let round = 0; round < 20; round += 1) {
    const requests = Array.from({ length: 16 }, () => uploadRequest());
    await Promise.all(requests.map((request) => uploads.openUpload(request)));
    await uploads.stageUploads(
      requests.map(({ fileId }) => stagedUpload({ fileId, elementId: edit01 })),
    );
    const ids = requests.map(({ fileId }) => fileId);
    const groupId = newGroupId();
    const [failed, claimed] = await Promise.all([
      uploads.failUploads(ids.toReversed(), ['staged'], failure),
      second.uploads.claimGroup(groupId, ids),
    ]);
    t.is(failed.size + claimed.length, ids.length);
    t.deepEqual(failed.intersection(new Set(claimed)), new Set<FileId>());
    const outcomes = await second.uploads.recordGroup(
      groupId,
      claimed.map((fileId) => ({ fileId, ok: true })),
    );
    t.is(outcomes.length, claimed.length);
  }
  await requireSumsAgree(t, catalogue.database);
});

test('a group that two attempts record at once is recorded once', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using second = catalogue.openSecondRegistry();
  const { uploads } = catalogue;
  for (let round = 0; round < 10; round += 1) {
    const requests = Array.from({ length: 32 }, () => uploadRequest());
    await Promise.all(requests.map((request) => uploads.openUpload(request)));
    const ids = requests.map(({ fileId }) => fileId);
    await uploads.stageUploads(ids.map((fileId) => stagedUpload({ fileId, elementId: edit01 })));
    const groupId = newGroupId();
    await Promise.all([
      uploads.claimGroup(groupId, ids),
      second.uploads.claimGroup(groupId, ids.toReversed()),
    ]);
    const outcomes = ids.map((fileId) => ({ fileId, ok: true }) as const);
    const answers = await Promise.all([
      uploads.recordGroup(groupId, outcomes),
      second.uploads.recordGroup(groupId, outcomes.toReversed()),
    ]);
    for (const answer of answers) t.deepEqual(answer.toSorted(byId), outcomes.toSorted(byId));
  }
  const events = await catalogue.database.query({ text: `select from outbox` });
  t.is(events.length, 320);
  await requireSumsAgree(t, catalogue.database);
});

test('opening, storing, failing, renewing and sweeping at once keep every sum', async (t) => {
  await using catalogue = await openTestCatalogue();
  await using second = catalogue.openSecondRegistry();
  const { uploads } = catalogue;
  const failing = async (): Promise<void> => {
    const requests = Array.from({ length: 10 }, (_, index) =>
      uploadRequest({ retentionPolicy: index % 2 === 0 ? 'temporary' : 'permanent' }),
    );
    await Promise.all(requests.map((request) => second.uploads.openUpload(request)));
    const ids = requests.map(({ fileId }) => fileId);
    await Promise.all([
      second.uploads.renewLeases('api-1', ids),
      uploads.failUploads(ids, ['receiving'], failure),
      uploads.abandonDeadUploads(edit01),
    ]);
  };
  const storing = (policy: 'temporary' | 'permanent') =>
    storeFiles(
      uploads,
      Array.from({ length: 20 }, () => ({ retentionPolicy: policy })),
    );
  await Promise.all(
    Array.from({ length: 10 }, () => [
      failing(),
      storing('temporary'),
      storing('permanent'),
    ]).flat(),
  );
  t.is((await catalogue.elements.findElement(edit01))?.usedBytes, 200 * 4096);
  t.is((await catalogue.elements.findElement(rw01))?.usedBytes, 200 * 4096);
  t.is((await catalogue.elements.findElement(rw01))?.reservedBytes, 0);
  await requireSumsAgree(t, catalogue.database);
});

import type { ExecutionContext } from 'ava';
import type { FileCatalogue } from '#domain/ports/file-catalogue.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { FileOutcome } from '#domain/uploads.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import {
  newAccountId,
  newFileId,
  newGroupId,
  stagedUpload,
  storeFiles,
  uploadRequest,
} from '#test/support/stored-files.ts';

/** What the suite needs of an adapter; the elements `edit-01` and `rw-01` of 100 GB are there. */
export interface UploadRegistryHarness {
  readonly uploads: UploadRegistry;
  readonly files: FileCatalogue;
  readonly elements: StorageElementRegistry;
}

type Promises = (t: ExecutionContext, harness: UploadRegistryHarness) => Promise<void>;

const edit01 = 'edit-01' as ElementId;
const rw01 = 'rw-01' as ElementId;
const timedOut = { code: 'REQUEST_TIMEOUT', detail: 'Too slow.' } as const;
const corrupt = { code: 'CONTENT_CORRUPT', detail: 'The content is damaged.' } as const;

const ok = (fileId: FileId): FileOutcome => ({ fileId, ok: true });

async function countersOf(elements: StorageElementRegistry, elementId: ElementId = edit01) {
  const element = await elements.findElement(elementId);
  return { used: element?.usedBytes, reserved: element?.reservedBytes };
}

async function openOne(uploads: UploadRegistry, change = {}) {
  const request = uploadRequest(change);
  const outcome = await uploads.openUpload(request);
  if (outcome.kind !== 'opened') throw new Error('the upload was not opened');
  return { ...request, elementId: outcome.elementId };
}

async function stageOne(uploads: UploadRegistry, change = {}) {
  const staged = stagedUpload(await openOne(uploads, change));
  await uploads.stageUploads([staged]);
  return staged;
}

async function claimSome(uploads: UploadRegistry, count: number) {
  const staged = await Promise.all(Array.from({ length: count }, () => stageOne(uploads)));
  const groupId = newGroupId();
  await uploads.claimGroup(
    groupId,
    staged.map((upload) => upload.fileId),
  );
  return { groupId, staged };
}

export const uploadRegistryContract: Record<string, Promises> = {
  async reservesRoomWhenItOpensAnUpload(t, { uploads, elements }) {
    const upload = await openOne(uploads);
    t.is(upload.elementId, edit01);
    t.deepEqual(await countersOf(elements), { used: 0, reserved: 4096 });
    const [found] = await uploads.findUploads([upload.fileId]);
    t.like(found, { state: 'receiving', reservedBytes: 4096, staged: null, groupId: null });
  },

  async reservesOneStepForABodyOfUnknownLength(t, { uploads, elements }) {
    await openOne(uploads, { declaredSizeBytes: null });
    t.is((await countersOf(elements)).reserved, limits.reservationStepBytes);
  },

  async putsPermanentFilesOnAnRwElement(t, { uploads }) {
    const upload = await openOne(uploads, { retentionPolicy: 'permanent' });
    t.is(upload.elementId, rw01);
  },

  async refusesWhatNoElementHasRoomFor(t, { uploads, elements }) {
    const error = await t.throwsAsync(openOne(uploads, { declaredSizeBytes: 200_000_000_000 }));
    t.like(error, { code: 'INSUFFICIENT_STORAGE' });
    t.deepEqual(await countersOf(elements), { used: 0, reserved: 0 });
  },

  async seesTheFileSystemsFreeSpace(t, { uploads }) {
    const freeBytes = new Map([[edit01, 1_000]]);
    const error = await t.throwsAsync(openOne(uploads, { freeBytes }));
    t.like(error, { code: 'INSUFFICIENT_STORAGE' });
  },

  async answersAKeyThatStandsWithItsUpload(t, { uploads, elements }) {
    const accountId = newAccountId();
    const first = await openOne(uploads, { accountId, idempotencyKey: 'k' });
    const again = await uploads.openUpload(uploadRequest({ accountId, idempotencyKey: 'k' }));
    t.like(again, { kind: 'existing', upload: { fileId: first.fileId, state: 'receiving' } });
    t.is((await countersOf(elements)).reserved, 4096);
  },

  async keepsKeysOfAccountsApart(t, { uploads }) {
    await openOne(uploads, { idempotencyKey: 'k' });
    await t.notThrowsAsync(openOne(uploads, { idempotencyKey: 'k' }));
  },

  async answersTheSameRequestAgainWithOpened(t, { uploads, elements }) {
    const request = uploadRequest({ idempotencyKey: 'k' });
    await uploads.openUpload(request);
    t.like(await uploads.openUpload(request), { kind: 'opened' });
    t.is((await countersOf(elements)).reserved, 4096);
  },

  async letsTheKeyOfAFailedUploadBeUsedAgain(t, { uploads }) {
    const accountId = newAccountId();
    const first = await openOne(uploads, { accountId, idempotencyKey: 'k' });
    await uploads.failUploads([first.fileId], ['receiving'], timedOut);
    await t.notThrowsAsync(openOne(uploads, { accountId, idempotencyKey: 'k' }));
  },

  async letsOneOfFiftyWithOneKeyPass(t, { uploads, elements }) {
    const accountId = newAccountId();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () =>
        uploads.openUpload(uploadRequest({ accountId, idempotencyKey: 'k' })),
      ),
    );
    t.is(outcomes.filter((outcome) => outcome.kind === 'opened').length, 1);
    t.is((await countersOf(elements)).reserved, 4096);
  },

  async extendsAReservation(t, { uploads, elements }) {
    const upload = await openOne(uploads, { declaredSizeBytes: null });
    await uploads.extendReservation(upload.fileId, 1000);
    const expected = limits.reservationStepBytes + 1000;
    t.is((await countersOf(elements)).reserved, expected);
    t.is((await uploads.findUploads([upload.fileId]))[0]?.reservedBytes, expected);
  },

  async refusesToExtendBeyondTheRoom(t, { uploads, elements }) {
    const upload = await openOne(uploads);
    const error = await t.throwsAsync(uploads.extendReservation(upload.fileId, 100_000_000_000));
    t.like(error, { code: 'INSUFFICIENT_STORAGE' });
    const free = await t.throwsAsync(uploads.extendReservation(upload.fileId, 1000, 2000));
    t.like(free, { code: 'INSUFFICIENT_STORAGE' });
    t.is((await countersOf(elements)).reserved, 4096);
  },

  async refusesToExtendWhatIsNotReceiving(t, { uploads }) {
    const unknown = await t.throwsAsync(uploads.extendReservation(newFileId(), 1));
    t.like(unknown, { code: 'UPLOAD_NOT_CURRENT' });
    const staged = await stageOne(uploads);
    const error = await t.throwsAsync(uploads.extendReservation(staged.fileId, 1));
    t.like(error, { code: 'UPLOAD_NOT_CURRENT' });
  },

  async stagesOnceAndSaysSoAgain(t, { uploads }) {
    const staged = stagedUpload(await openOne(uploads));
    t.deepEqual([...(await uploads.stageUploads([staged]))], [staged.fileId]);
    t.deepEqual([...(await uploads.stageUploads([staged]))], [staged.fileId]);
    const other = { ...staged, sidecarDigest: '0'.repeat(64) };
    t.deepEqual([...(await uploads.stageUploads([other]))], []);
    const [found] = await uploads.findUploads([staged.fileId]);
    t.deepEqual(found?.staged, staged);
  },

  async stagesNothingThatHasFailed(t, { uploads }) {
    const staged = stagedUpload(await openOne(uploads));
    await uploads.failUploads([staged.fileId], ['receiving'], timedOut);
    t.is((await uploads.stageUploads([staged])).size, 0);
  },

  async failsOnlyFromTheNamedStatesAndGivesTheRoomBack(t, { uploads, elements }) {
    const upload = await openOne(uploads);
    t.is((await uploads.failUploads([upload.fileId], ['staged'], timedOut)).size, 0);
    t.is((await countersOf(elements)).reserved, 4096);
    t.is((await uploads.failUploads([upload.fileId], ['staged', 'receiving'], timedOut)).size, 1);
    t.is((await uploads.failUploads([upload.fileId], ['receiving'], timedOut)).size, 0);
    t.deepEqual(await countersOf(elements), { used: 0, reserved: 0 });
    const [found] = await uploads.findUploads([upload.fileId]);
    t.like(found, { state: 'failed', failure: timedOut, reservedBytes: 0 });
    t.truthy(found?.finishedAt);
  },

  async claimsStagedUploadsAndNamesThemAgain(t, { uploads }) {
    const staged = await stageOne(uploads);
    const receiving = await openOne(uploads);
    const groupId = newGroupId();
    const ids = [staged.fileId, receiving.fileId];
    t.deepEqual(await uploads.claimGroup(groupId, ids), [staged.fileId]);
    t.deepEqual(await uploads.claimGroup(groupId, ids), [staged.fileId]);
    t.deepEqual(await uploads.claimGroup(newGroupId(), ids), []);
    t.deepEqual(await uploads.findGroup(groupId), [staged]);
  },

  async recordsAGroupOnce(t, { uploads, files, elements }) {
    const { groupId, staged } = await claimSome(uploads, 3);
    const [good, bad, left] = staged as [
      (typeof staged)[0],
      (typeof staged)[0],
      (typeof staged)[0],
    ];
    const outcomes: FileOutcome[] = [
      ok(good.fileId),
      { fileId: bad.fileId, ok: false, ...corrupt },
    ];
    const byId = (list: readonly FileOutcome[]) =>
      list.toSorted((a, b) => (a.fileId < b.fileId ? -1 : 1));
    t.deepEqual(byId(await uploads.recordGroup(groupId, outcomes)), byId(outcomes));
    t.deepEqual(byId(await uploads.recordGroup(groupId, outcomes)), byId(outcomes));
    t.deepEqual(await countersOf(elements), { used: 4096, reserved: 4096 });
    t.is((await files.findFile(good.fileId))?.attributes, good.sidecar);
    t.is(await files.findFile(bad.fileId), null);
    t.deepEqual(
      (await uploads.findGroup(groupId)).map((upload) => upload.fileId),
      [left.fileId],
    );
    // What a second attempt decides is added to what the first one decided, and changes nothing of it.
    const all = await uploads.recordGroup(groupId, [
      { fileId: good.fileId, ok: false, ...corrupt },
      ok(left.fileId),
    ]);
    t.deepEqual(byId(all), byId([...outcomes, ok(left.fileId)]));
    t.deepEqual(await countersOf(elements), { used: 8192, reserved: 0 });
  },

  async answersTheKeyOfAStoredUploadWithItsFingerprint(t, { uploads }) {
    const accountId = newAccountId();
    const staged = await stageOne(uploads, { accountId, idempotencyKey: 'k' });
    const groupId = newGroupId();
    await uploads.claimGroup(groupId, [staged.fileId]);
    await uploads.recordGroup(groupId, [ok(staged.fileId)]);
    const again = await uploads.openUpload(uploadRequest({ accountId, idempotencyKey: 'k' }));
    t.like(again, { kind: 'existing', upload: { state: 'stored', groupId, staged } });
  },

  async catalogsExactlyTheTextOfTheSidecar(t, { uploads, files }) {
    const [stored] = await storeFiles(uploads, [
      { metadata: { big: JSON.rawJSON('12345678901234567890'), nul: '\u0000 \ud800' } },
    ]);
    const found = await files.findFile(stored!.fileId);
    t.is(found?.attributes, stored?.sidecar);
    t.true(found?.attributes.includes('12345678901234567890'));
    t.like(found, {
      elementId: edit01,
      elementMode: 'edit',
      state: 'stored',
      verifiedAt: null,
      sidecarDigest: stored!.sidecarDigest,
      storagePath: stored!.storagePath,
      storageFilename: stored!.storageFilename,
    });
  },

  async hasNothingToSweepWhileAllAreAlive(t, { uploads }) {
    await openOne(uploads);
    await stageOne(uploads);
    const { groupId } = await claimSome(uploads, 1);
    t.deepEqual(await uploads.abandonDeadUploads(edit01), { abandoned: [] });
    t.deepEqual(await uploads.findStalledGroups(edit01, 60_000), []);
    t.deepEqual(await uploads.findStalledGroups(edit01, 0), [groupId]);
    t.is(await uploads.forgetFinishedUploads(edit01), 0);
  },
};

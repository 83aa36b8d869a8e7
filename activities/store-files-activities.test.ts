import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import type { ElementAccess, ObjectStore } from '#domain/ports/object-store.ts';
import type { FileOutcome, StagedUpload, UploadState } from '#domain/uploads.ts';
import { createActivityEnvironment } from '#test/support/activity-environment.ts';
import { createGroupTurns } from './group-turns.ts';
import { createStoreFilesActivities, type StoreFilesPorts } from './store-files-activities.ts';

const elementId = 'element-1' as ElementId;
const groupId = 'group-1' as GroupId;
const ids = ['a', 'b', 'c'] as FileId[];
const corrupt = { code: 'CONTENT_CORRUPT', detail: 'Damaged.' } as const;

const upload = (fileId: FileId): StagedUpload => ({
  fileId,
  elementId,
  sidecar: `{"file_id":"${fileId}"}`,
  sidecarDigest: `digest of ${fileId}`,
  storagePath: '2026/01/13/08/',
  storageFilename: fileId,
  sizeBytes: 1,
  fingerprint: fileId,
});

interface World {
  readonly calls: string[];
  group: StagedUpload[];
  isHeld: boolean;
  /** Outcomes that the element reports, by file; absent is ok. */
  readonly faults: Map<FileId, { code: 'CONTENT_CORRUPT'; detail: string }>;
  readonly sidecars: Set<FileId>;
}

function createWorld(): World & { readonly ports: StoreFilesPorts } {
  const world: World = {
    calls: [],
    group: ids.map(upload),
    isHeld: true,
    faults: new Map(),
    sidecars: new Set(),
  };
  const judge = (items: readonly { fileId: FileId }[]): FileOutcome[] =>
    items.map(({ fileId }) => {
      const fault = world.faults.get(fileId);
      return fault === undefined ? { fileId, ok: true } : { fileId, ok: false, ...fault };
    });
  const note = (name: string, fileIds: readonly FileId[]): void => {
    world.calls.push(`${name} ${fileIds.join('')}`);
  };
  const idsOf = (items: readonly { fileId: FileId }[]): FileId[] =>
    items.map(({ fileId }) => fileId);
  const element = {
    async commitContents(items) {
      note('commit', idsOf(items));
      return judge(items);
    },
    async returnContents(items) {
      note('return', idsOf(items));
    },
    async writeSidecars(items) {
      note('write', idsOf(items));
      return judge(items);
    },
    async hasSidecar({ storageFilename }, digest) {
      return (
        world.sidecars.has(storageFilename as FileId) && digest === `digest of ${storageFilename}`
      );
    },
  } as Partial<ObjectStore> as ObjectStore;
  const elements: ElementAccess = { openElement: async () => element };
  const ports: StoreFilesPorts = {
    elementId,
    elements,
    turns: createGroupTurns(),
    lock: { isHeld: () => world.isHeld },
    registry: {
      claimGroup: async (_, fileIds) => fileIds.filter((fileId) => fileId !== 'b'),
      findGroup: async () => world.group,
      async failUploads(fileIds, from: readonly UploadState[]) {
        note(`fail ${from.join()}`, fileIds);
        return new Set(fileIds);
      },
      async recordGroup(_, outcomes) {
        world.calls.push(
          `record ${outcomes.map(({ fileId, ok }) => `${fileId}${ok ? '+' : '-'}`).join('')}`,
        );
        return outcomes;
      },
    },
  };
  return Object.assign(world, { ports });
}

test('a claim answers with what it did not get', async (t) => {
  const { ports } = createWorld();
  const { claimGroup } = createStoreFilesActivities(ports);
  t.deepEqual(await claimGroup({ groupId, fileIds: ids }), { claimedCount: 2, notClaimed: ['b'] });
});

test('a step reports failures only', async (t) => {
  const world = createWorld();
  world.faults.set(ids[1]!, corrupt);
  const { commitContents } = createStoreFilesActivities(world.ports);
  const failures = await createActivityEnvironment().run(() => commitContents({ groupId }));
  t.deepEqual(failures, [{ fileId: 'b', ok: false, ...corrupt }]);
});

test('sidecars are written for those alone whose content is in place', async (t) => {
  const world = createWorld();
  const { writeSidecars } = createStoreFilesActivities(world.ports);
  const environment = createActivityEnvironment();
  t.deepEqual(await environment.run(() => writeSidecars({ groupId, without: [ids[0]!] })), []);
  t.deepEqual(world.calls, ['write bc']);
});

test('what has no sidecar has failed, what has one exists', async (t) => {
  const world = createWorld();
  world.sidecars.add(ids[2]!);
  const { decideFiles } = createStoreFilesActivities(world.ports);
  const failures = await createActivityEnvironment().run(() =>
    decideFiles({ groupId, without: [ids[0]!], failure: corrupt }),
  );
  t.deepEqual(failures, [{ fileId: 'b', ok: false, ...corrupt }]);
});

test('everything of the group that has not failed is recorded as stored', async (t) => {
  const world = createWorld();
  const { recordGroup } = createStoreFilesActivities(world.ports);
  const failures = [{ fileId: ids[1]!, ok: false, ...corrupt }] as const;
  t.deepEqual(await recordGroup({ groupId, failures }), { storedCount: 2, failures });
  t.deepEqual(world.calls, ['record a+c+b-']);
});

test('a group that is given up fails what was not claimed, and what was, and nothing else', async (t) => {
  const world = createWorld();
  world.group = [upload(ids[0]!)];
  const { failGroup } = createStoreFilesActivities(world.ports);
  await failGroup({ groupId, fileIds: ids, failure: corrupt });
  t.deepEqual(world.calls, ['fail staged abc', 'fail committing a']);
});

test('contents go back for the whole group or for some of it', async (t) => {
  const world = createWorld();
  const { returnContents } = createStoreFilesActivities(world.ports);
  const environment = createActivityEnvironment();
  await environment.run(() => returnContents({ groupId, fileIds: null }));
  await environment.run(() => returnContents({ groupId, fileIds: [ids[1]!] }));
  t.deepEqual(world.calls, ['return abc', 'return b']);
});

for (const step of ['commitContents', 'writeSidecars', 'returnContents', 'decideFiles'] as const) {
  test(`${step} touches nothing without the right to write`, async (t) => {
    const world = createWorld();
    world.isHeld = false;
    const activities = createStoreFilesActivities(world.ports);
    const input = { groupId, fileIds: null, without: [], failure: corrupt };
    const error = await t.throwsAsync(
      createActivityEnvironment().run<unknown>(() => activities[step](input)),
    );
    t.true(isDomainError(error, 'ELEMENT_UNAVAILABLE'));
    t.deepEqual(world.calls, []);
  });
}

test('a step that is cancelled while another of its group runs never begins', async (t) => {
  const world = createWorld();
  const { commitContents } = createStoreFilesActivities(world.ports);
  const gate = Promise.withResolvers<void>();
  const { signal } = new AbortController();
  const running = world.ports.turns.take(groupId, signal, () => gate.promise);
  const environment = createActivityEnvironment();
  const waiting = environment.run(() => commitContents({ groupId }));
  environment.cancel();
  await t.throwsAsync(waiting, { message: 'cancelled' });
  gate.resolve();
  await running;
  t.deepEqual(world.calls, []);
});

import type { ExecutionContext } from 'ava';
import type { SidecarToMove } from '#domain/ports/object-store.ts';
import {
  firstSidecar,
  makeFile,
  readContent,
  sha256Hex,
  stage,
  storeAll,
  throwsCode,
  type ObjectStoreHarness,
  type TestFile,
} from './object-store-contract.ts';

type Promises = (t: ExecutionContext, harness: ObjectStoreHarness) => Promise<void>;

const asItStands = (file: TestFile): SidecarToMove => ({
  ...file,
  expectedDigest: sha256Hex(file.sidecar),
});

const shouldTakeAFileAwayInSteps: Promises = async (t, { store, listEverythingStaged }) => {
  const [file, neighbour] = [makeFile('goes'), makeFile('stays')];
  await storeAll(store, file, neighbour);
  t.false(await store.isSidecarAway(file.fileId));
  t.deepEqual(await store.moveSidecarAway(asItStands(file)), { fileId: file.fileId, ok: true });
  t.true(await store.isSidecarAway(file.fileId));
  await throwsCode(t, 'CONTENT_MISSING', () => store.readSidecar(file));
  t.deepEqual(await readContent(store, file), file.content);

  await store.removeContent(file);
  await throwsCode(t, 'CONTENT_MISSING', () => readContent(store, file));
  t.deepEqual(await store.listMovedSidecars(10), [file.fileId]);
  await store.discardMovedSidecar(file.fileId);
  t.false(await store.isSidecarAway(file.fileId));
  t.deepEqual(await listEverythingStaged(), []);
  t.deepEqual(await readContent(store, neighbour), neighbour.content);
  t.true(await store.hasSidecar(neighbour, sha256Hex(neighbour.sidecar)));
};

const shouldTakeEveryStepOfARemovalTwice: Promises = async (t, { store }) => {
  const file = makeFile('goes');
  await storeAll(store, file);
  for (const _ of [1, 2]) t.true((await store.moveSidecarAway(asItStands(file))).ok);
  for (const _ of [1, 2]) await store.removeContent(file);
  // Still known as moved: a repetition of the first step after the others tells the same.
  t.true((await store.moveSidecarAway(asItStands(file))).ok);
  for (const _ of [1, 2]) await store.discardMovedSidecar(file.fileId);
  t.like(await store.moveSidecarAway(asItStands(file)), { ok: false, code: 'CONTENT_MISSING' });
};

const shouldMoveOnlyTheExpectedSidecar: Promises = async (t, { store }) => {
  const file = makeFile('stays');
  await storeAll(store, file);
  const other = { ...asItStands(file), expectedDigest: 'f'.repeat(64) };
  t.like(await store.moveSidecarAway(other), { ok: false, code: 'SIDECAR_CORRUPT' });
  t.true(await store.hasSidecar(file, sha256Hex(file.sidecar)));
  t.false(await store.isSidecarAway(file.fileId));
};

const shouldKeepContentThatHasASidecar: Promises = async (t, { store }) => {
  const file = makeFile('stays');
  await storeAll(store, file);
  await throwsCode(t, 'SIDECAR_CORRUPT', () => store.removeContent(file));
  t.deepEqual(await readContent(store, file), file.content);
};

const shouldNotSweepMovedSidecarsWithUploads: Promises = async (t, { store }) => {
  const file = makeFile('goes');
  await storeAll(store, file);
  await store.moveSidecarAway(asItStands(file));
  await stage(store, file);
  t.deepEqual(await store.listStaged({ minAgeMs: 0, limit: 10 }), [file.fileId]);
  await store.discardStaged(file.fileId);
  t.deepEqual(await store.listStaged({ minAgeMs: 0, limit: 10 }), []);
  t.true(await store.isSidecarAway(file.fileId));
};

const shouldNotSayThatAnythingIsGoneWithoutItsMarker: Promises = async (t, harness) => {
  const { store } = harness;
  const file = makeFile('unseen');
  await storeAll(store, file);
  await harness.breakMarker('missing');
  for (const call of [
    () => store.moveSidecarAway(asItStands(file)),
    () => store.removeContent(file),
    () => store.isSidecarAway(file.fileId),
    () => store.listMovedSidecars(10),
    () => store.discardMovedSidecar(file.fileId),
  ]) {
    await throwsCode(t, 'ELEMENT_UNAVAILABLE', call);
  }
  await harness.repairMarker();
  t.true(await store.hasSidecar(file, sha256Hex(file.sidecar)));
};

const shouldLetOneOfARewriteAndARemovalWin: Promises = async (t, { store }) => {
  const file = makeFile('contended');
  await storeAll(store, file);
  const rewrite = {
    ...firstSidecar(file),
    sidecar: '{"new": 1}',
    expectedDigest: sha256Hex(file.sidecar),
  };
  const [[written], moved] = await Promise.all([
    store.writeSidecars([rewrite]),
    store.moveSidecarAway(asItStands(file)),
  ]);
  t.not(written?.ok, moved.ok);
  t.is(await store.isSidecarAway(file.fileId), moved.ok);
  t.is(await store.hasSidecar(file, sha256Hex(rewrite.sidecar)), written?.ok === true);
};

/** What every adapter has to do that lets files go. */
export const fileRemovalContract: Readonly<Record<string, Promises>> = {
  shouldTakeAFileAwayInSteps,
  shouldTakeEveryStepOfARemovalTwice,
  shouldMoveOnlyTheExpectedSidecar,
  shouldKeepContentThatHasASidecar,
  shouldNotSweepMovedSidecarsWithUploads,
  shouldNotSayThatAnythingIsGoneWithoutItsMarker,
  shouldLetOneOfARewriteAndARemovalWin,
};

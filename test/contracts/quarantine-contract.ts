import { setImmediate } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { OperationId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { ContentToQuarantine } from '#domain/ports/object-store.ts';
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

const hourMs = 3_600_000;

function asOrphan(file: TestFile, change: Partial<ContentToQuarantine> = {}): ContentToQuarantine {
  return {
    storagePath: file.storagePath,
    storageFilename: file.storageFilename,
    operationId: '11111111-2222-4333-8444-555555555555' as OperationId,
    code: 'CONTENT_ORPHANED',
    decidedAt: parseInstant('2025-11-08T10:30:45Z')!,
    changedBeforeMs: Date.now() + hourMs,
    ...change,
  };
}

async function putOrphan({ store }: ObjectStoreHarness, file: TestFile): Promise<void> {
  await stage(store, file);
  await store.commitContents([file]);
}

const shouldSetLoneContentAside: Promises = async (t, harness) => {
  const { store } = harness;
  const [file, neighbour] = [makeFile('goes'), makeFile('stays')];
  await putOrphan(harness, file);
  await putOrphan(harness, neighbour);
  t.deepEqual(await store.quarantineContent(asOrphan(file)), { ok: true });
  await throwsCode(t, 'CONTENT_MISSING', () => readContent(store, file));
  t.deepEqual(await readContent(store, neighbour), neighbour.content);
};

const shouldSayTheSameAboutContentThatIsSetAside: Promises = async (t, harness) => {
  const { store } = harness;
  const file = makeFile('goes');
  await putOrphan(harness, file);
  for (const _ of [1, 2, 3])
    t.deepEqual(await store.quarantineContent(asOrphan(file)), { ok: true });
  const other = { operationId: '21111111-2222-4333-8444-555555555555' as OperationId };
  t.like(await store.quarantineContent(asOrphan(file, other)), {
    ok: false,
    code: 'CONTENT_MISSING',
  });
};

const shouldNotSetContentAsideThatHasASidecar: Promises = async (t, { store }) => {
  const file = makeFile('stays');
  await storeAll(store, file);
  t.like(await store.quarantineContent(asOrphan(file)), { ok: false, code: 'FILE_CHANGED' });
  t.deepEqual(await readContent(store, file), file.content);
  t.true(await store.hasSidecar(file, sha256Hex(file.sidecar)));
};

const shouldNotSetContentAsideThatWasChangedSince: Promises = async (t, harness) => {
  const { store } = harness;
  const file = makeFile('stays');
  await putOrphan(harness, file);
  const old = asOrphan(file, { changedBeforeMs: Date.now() - hourMs });
  t.like(await store.quarantineContent(old), { ok: false, code: 'FILE_CHANGED' });
  t.deepEqual(await readContent(store, file), file.content);
};

const shouldNotSetAsideWhatIsNotThere: Promises = async (t, { store }) => {
  t.like(await store.quarantineContent(asOrphan(makeFile('never'))), {
    ok: false,
    code: 'CONTENT_MISSING',
  });
};

const shouldNotTakeOtherContentForWhatWasSetAside: Promises = async (t, harness) => {
  const { store } = harness;
  const file = makeFile('goes');
  await putOrphan(harness, file);
  t.deepEqual(await store.quarantineContent(asOrphan(file)), { ok: true });
  await putOrphan(harness, file);
  t.like(await store.quarantineContent(asOrphan(file)), { ok: false, code: 'FILE_CHANGED' });
  t.deepEqual(await readContent(store, file), file.content);
};

const shouldRefuseAPlaceOutsideOfTheElement: Promises = async (t, { store }) => {
  for (const storagePath of ['../', '/etc/', '.artstore/staging/']) {
    const outcome = await store.quarantineContent(asOrphan(makeFile('x'), { storagePath }));
    t.like(outcome, { ok: false, code: 'INTERNAL' }, storagePath);
  }
};

const shouldSetNothingAsideWithoutItsMarker: Promises = async (t, harness) => {
  const { store } = harness;
  const file = makeFile('unseen');
  await putOrphan(harness, file);
  await harness.breakMarker('missing');
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.quarantineContent(asOrphan(file)));
  await harness.repairMarker();
  t.deepEqual(await readContent(store, file), file.content);
};

const shouldLetOneOfACommitAndAQuarantineWin: Promises = async (t, harness) => {
  const { store } = harness;
  const rounds = 60;
  for (let round = 0; round < rounds; round += 1) {
    const file = makeFile(`contended ${round}`);
    await putOrphan(harness, file);
    // One of them begins a little later in each round, so that their steps meet in every order.
    const commit = async () => {
      for (let turn = 0; turn < round; turn += 1) await setImmediate();
      return store.writeSidecars([firstSidecar(file)]);
    };
    const [[written], aside] = await Promise.all([
      commit(),
      store.quarantineContent(asOrphan(file)),
    ]);
    t.not(written?.ok, aside.ok, `round ${round}`);
    if (written?.ok === true) t.deepEqual(await readContent(store, file), file.content);
    else t.false(await store.hasSidecar(file, sha256Hex(file.sidecar)), `round ${round}`);
  }
};

/** What every adapter has to do that sets content aside. */
export const quarantineContract: Readonly<Record<string, Promises>> = {
  shouldSetLoneContentAside,
  shouldSayTheSameAboutContentThatIsSetAside,
  shouldNotSetContentAsideThatHasASidecar,
  shouldNotSetContentAsideThatWasChangedSince,
  shouldNotSetAsideWhatIsNotThere,
  shouldNotTakeOtherContentForWhatWasSetAside,
  shouldRefuseAPlaceOutsideOfTheElement,
  shouldSetNothingAsideWithoutItsMarker,
  shouldLetOneOfACommitAndAQuarantineWin,
};

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { ElementId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { ObjectStore } from '#domain/ports/object-store.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';
import {
  makeFile,
  sha256Hex,
  stage,
  storeAll,
  type TestFile,
} from '#test/contracts/object-store-contract.ts';
import { readElement } from '#test/support/independent-reader.ts';
import { openLossyFilesystem } from '#test/support/lossy-filesystem.ts';

const sizeBytes = 268_435_456;
const elementId = 'edit-01' as ElementId;

test('what was not fsynced is lost: the power cut is one', async (t) => {
  await using lossy = await openLossyFilesystem(sizeBytes);
  await mkdir(join(lossy.path, 'folder'));
  await writeFile(join(lossy.path, 'folder', 'file'), 'content');
  await lossy.cutPower();
  await t.throwsAsync(readFile(join(lossy.path, 'folder', 'file')));
  await lossy.restorePower();
  await t.throwsAsync(readFile(join(lossy.path, 'folder', 'file')), { code: 'ENOENT' });
});

test('the very last step before the cut is kept', async (t) => {
  await using lossy = await openLossyFilesystem(sizeBytes);
  const root = join(lossy.path, 'element');
  await registerElementDirectory(root, elementId, parseInstant('2025-11-08T00:00:00Z')!);
  const store = await openFilesystemObjectStore({ elementId, root });
  const file = makeFile('content');
  const outcomes = await storeAll(store, file);
  await lossy.cutPower();
  t.true(outcomes.every(({ ok }) => ok));
  await lossy.restorePower();
  t.deepEqual(
    (await readElement(root)).whole.map(({ sha256 }) => sha256),
    [file.checksum],
  );
});

test('a sidecar that was written anew right before the cut is the new one', async (t) => {
  await using lossy = await openLossyFilesystem(sizeBytes);
  const { root, store, file } = await storeOne(lossy.path);
  const sidecar = JSON.stringify({ ...JSON.parse(file.sidecar), description: 'new' });
  const expectedDigest = sha256Hex(file.sidecar);
  const [outcome] = await store.writeSidecars([{ ...file, sidecar, expectedDigest }]);
  await lossy.cutPower();
  t.true(outcome?.ok);
  await lossy.restorePower();
  const { whole, damaged } = await readElement(root);
  t.deepEqual(damaged, []);
  t.deepEqual(
    whole.map(({ sidecar_sha256: digest }) => digest),
    [sha256Hex(sidecar)],
  );
});

test('a file whose sidecar was moved away right before the cut does not come back', async (t) => {
  await using lossy = await openLossyFilesystem(sizeBytes);
  const { root, store, file } = await storeOne(lossy.path);
  const moved = await store.moveSidecarAway({ ...file, expectedDigest: sha256Hex(file.sidecar) });
  await lossy.cutPower();
  t.true(moved.ok);
  await lossy.restorePower();
  const report = await readElement(root);
  t.deepEqual(report.whole, []);
  t.is(report.content_without_sidecar.length, 1);
  const again = await openFilesystemObjectStore({ elementId, root });
  t.true(await again.isSidecarAway(file.fileId));
});

test('content that was removed right before the cut does not come back', async (t) => {
  await using lossy = await openLossyFilesystem(sizeBytes);
  const { root, store, file } = await storeOne(lossy.path);
  await store.moveSidecarAway({ ...file, expectedDigest: sha256Hex(file.sidecar) });
  await store.removeContent(file);
  await lossy.cutPower();
  await lossy.restorePower();
  const report = await readElement(root);
  t.deepEqual([...report.whole, ...report.content_without_sidecar], []);
});

test('no acknowledged file is lost when the power is cut in the middle of the work', async (t) => {
  await using lossy = await openLossyFilesystem(sizeBytes);
  const root = join(lossy.path, 'elements', 'edit-01');
  await registerElementDirectory(root, elementId, parseInstant('2025-11-08T00:00:00Z')!);
  const store = await openFilesystemObjectStore({ elementId, root });

  const acknowledged: TestFile[] = [];
  const isCut = new AbortController();
  const enough = Promise.withResolvers<void>();
  const writers = Array.from({ length: 4 }, (_, index) =>
    storeUntilCut(store, {
      hour: `2025/11/08/${10 + index}/`,
      signal: isCut.signal,
      acknowledge(files) {
        acknowledged.push(...files);
        if (acknowledged.length >= 300) enough.resolve();
      },
    }),
  );
  await Promise.race([enough.promise, ...writers]);
  t.true(acknowledged.length >= 300);
  await lossy.cutPower();
  isCut.abort();
  await Promise.all(writers);

  await lossy.restorePower();
  const report = await readElement(root);
  const found = new Map(report.whole.map((file) => [file.file_id, file]));
  t.deepEqual(
    acknowledged.filter((file) => found.get(file.fileId)?.sha256 !== file.checksum),
    [],
  );
  t.deepEqual(report.damaged, []);
  t.deepEqual(report.sidecar_without_content, []);

  // And the element goes on.
  const again = await openFilesystemObjectStore({ elementId, root });
  const next = makeFile('after the cut');
  await stage(again, next);
  t.true((await again.commitContents([next]))[0]?.ok);
});

async function storeOne(path: string) {
  const root = join(path, 'element');
  await registerElementDirectory(root, elementId, parseInstant('2025-11-08T00:00:00Z')!);
  const store = await openFilesystemObjectStore({ elementId, root });
  const file = makeFile('content');
  await storeAll(store, file);
  return { root, store, file };
}

/** Groups of eight, one after the other, each acknowledged after its last step. */
async function storeUntilCut(
  store: ObjectStore,
  options: {
    readonly hour: string;
    readonly signal: AbortSignal;
    readonly acknowledge: (files: readonly TestFile[]) => void;
  },
): Promise<void> {
  while (!options.signal.aborted) {
    const files = Array.from({ length: 8 }, () => makeRandomFile(options.hour));
    try {
      await stage(store, ...files);
      await store.commitContents(files);
      const outcomes = await store.writeSidecars(
        files.map((file) => ({ ...file, expectedDigest: null })),
      );
      options.acknowledge(files.filter((_, index) => outcomes[index]?.ok));
    } catch {
      // The disk is gone: from here on nothing is acknowledged.
      return;
    }
  }
}

function makeRandomFile(storagePath: string): TestFile {
  const content = createHash('sha512').update(randomUUID()).digest('hex').repeat(32);
  return { ...makeFile(content), storagePath };
}

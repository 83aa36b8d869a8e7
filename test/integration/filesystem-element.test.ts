import { execFile } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import type { ElementId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { ObjectStore } from '#domain/ports/object-store.ts';
import type { StorageElement } from '#domain/storage-elements.ts';
import { readElementMarker, registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';
import {
  firstSidecar,
  inChunks,
  makeFile,
  readContent,
  stage,
  storeAll,
  throwsCode,
} from '#test/contracts/object-store-contract.ts';
import { readElement } from '#test/support/independent-reader.ts';
import { openLossyFilesystem } from '#test/support/lossy-filesystem.ts';

const elementId = 'edit-01' as ElementId;
const otherId = 'rw-01' as ElementId;
const createdAt = parseInstant('2025-11-08T00:00:00Z')!;
const laterAt = parseInstant('2026-01-01T00:00:00Z')!;

async function makeFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-element-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

async function openElement(t: ExecutionContext): Promise<{ root: string; store: ObjectStore }> {
  const root = join(await makeFolder(t), 'elements', 'edit-01');
  await registerElementDirectory(root, elementId, createdAt);
  return { root, store: await openFilesystemObjectStore({ elementId, root }) };
}

test('a directory is registered once, and again for the same element only', async (t) => {
  const root = join(await makeFolder(t), 'elements', 'edit-01');
  t.is(await readElementMarker(root), null);
  await registerElementDirectory(root, elementId, createdAt);
  await registerElementDirectory(root, elementId, laterAt);
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () =>
    registerElementDirectory(root, otherId, laterAt),
  );
  t.deepEqual(await readElementMarker(root), { elementId, createdAt });
  t.deepEqual((await readdir(join(root, '.artstore'))).toSorted(), [
    'element.json',
    'quarantine',
    'staging',
  ]);
});

test('of elements that register one directory at the same time one gets it', async (t) => {
  const root = join(await makeFolder(t), 'element');
  const ids = Array.from({ length: 8 }, (_, index) => `element-${index}` as ElementId);
  const outcomes = await Promise.allSettled(
    ids.map((id) => registerElementDirectory(root, id, createdAt)),
  );
  const winners = ids.filter((_, index) => outcomes[index]?.status === 'fulfilled');
  t.is(winners.length, 1);
  t.is((await readElementMarker(root))?.elementId, winners[0]!);
  t.deepEqual((await readdir(join(root, '.artstore'))).length, 3);
});

test('a damaged marker is not taken for none', async (t) => {
  const { root, store } = await openElement(t);
  for (const text of ['', '{"element_id":"edit-01"', '{}', 'null', '{"element_id":"../x"}']) {
    await writeFile(join(root, '.artstore', 'element.json'), text);
    await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.checkMarker());
    await throwsCode(t, 'ELEMENT_UNAVAILABLE', () =>
      registerElementDirectory(root, elementId, createdAt),
    );
  }
});

test('an element opens only where its marker stands', async (t) => {
  const { root } = await openElement(t);
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () =>
    openFilesystemObjectStore({ elementId: otherId, root }),
  );
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () =>
    openFilesystemObjectStore({ elementId, root: dirname(root) }),
  );
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () =>
    openFilesystemObjectStore({ elementId, root: join(root, 'nowhere') }),
  );
});

test('the first write looks at the marker even when the element was opened just now', async (t) => {
  const { root, store } = await openElement(t);
  await rename(join(root, '.artstore', 'element.json'), join(root, '.artstore', 'gone'));
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => stage(store, makeFile('content')));
  t.deepEqual(await readdir(join(root, '.artstore', 'staging')), []);
});

test('a root that was unmounted is not filled: missing content is unavailable, not missing', async (t) => {
  const { root, store } = await openElement(t);
  const file = makeFile('content');
  await storeAll(store, file);
  const waiting = makeFile('waiting');
  await stage(store, waiting);
  await rename(root, `${root}.unmounted`);
  await mkdir(root);

  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => readContent(store, file));
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.readSidecar(file));
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.commitContents([waiting]));
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.writeSidecars([firstSidecar(waiting)]));
  t.deepEqual(await readdir(root), []);

  await rm(root, { recursive: true });
  await rename(`${root}.unmounted`, root);
  t.true((await store.commitContents([waiting]))[0]?.ok);
});

test('a link in the place of a directory does not lead out of the element', async (t) => {
  const { root, store } = await openElement(t);
  const file = makeFile('content');
  await stage(store, file);
  const outside = await makeFolder(t);
  const [year = '', ...rest] = file.storagePath.split('/');
  await symlink(outside, join(root, year));

  async function checkRefused(): Promise<void> {
    await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => readContent(store, file));
    await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.readSidecar(file));
    await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.commitContents([file]));
    await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => store.writeSidecars([firstSidecar(file)]));
  }
  await checkRefused();
  t.deepEqual(await readdir(outside), []);

  const directory = join(outside, ...rest);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, file.storageFilename), 'content');
  await checkRefused();
  t.deepEqual(await readdir(directory), [file.storageFilename]);

  await rm(join(root, year));
  await symlink(join(outside, 'nowhere'), join(root, year));
  t.like((await store.commitContents([file]))[0], { ok: false, code: 'ELEMENT_UNAVAILABLE' });
  await rm(join(root, year));
  t.true((await store.commitContents([file]))[0]?.ok);
});

test('a link in the place of content is damage', async (t) => {
  const { root, store } = await openElement(t);
  const outside = await makeFolder(t);
  const file = makeFile('content');
  await stage(store, file);
  await writeFile(join(outside, 'target'), 'content');
  await mkdir(join(root, file.storagePath), { recursive: true });
  await symlink(join(outside, 'target'), join(root, file.storagePath, file.storageFilename));
  await throwsCode(t, 'CONTENT_CORRUPT', () => readContent(store, file));
  t.like((await store.commitContents([file]))[0], { ok: false, code: 'CONTENT_CORRUPT' });
});

test('a pipe or a directory in the place of content is damage, not a wait without end', async (t) => {
  const { root, store } = await openElement(t);
  const [piped, folder] = [makeFile('content'), makeFile('content')];
  await mkdir(join(root, piped.storagePath), { recursive: true });
  await promisify(execFile)('mkfifo', [join(root, piped.storagePath, piped.storageFilename)]);
  await mkdir(join(root, folder.storagePath, folder.storageFilename));
  await throwsCode(t, 'CONTENT_CORRUPT', () => readContent(store, piped));
  await throwsCode(t, 'CONTENT_CORRUPT', () => readContent(store, folder));
});

test('a sidecar that is too large is reported, not read', async (t) => {
  const { root, store } = await openElement(t);
  const file = makeFile('content');
  await storeAll(store, file);
  const path = join(root, file.storagePath, `${file.storageFilename}.attr.json`);
  await writeFile(path, ' '.repeat(1_048_577));
  await throwsCode(t, 'SIDECAR_CORRUPT', () => store.readSidecar(file));
  const [outcome] = await store.writeSidecars([firstSidecar(file)]);
  t.like(outcome, { ok: false, code: 'SIDECAR_CORRUPT' });
});

test('files and directories are closed to the rest of the machine', async (t) => {
  const { root, store } = await openElement(t);
  const file = makeFile('content');
  await storeAll(store, file);
  const path = join(root, file.storagePath, file.storageFilename);
  for (const name of [path, `${path}.attr.json`, dirname(path), join(root, '.artstore')]) {
    t.is((await stat(name)).mode & 0o027, 0, name);
  }
});

test('a full disk refuses the file, keeps nothing of it and takes the next one that fits', async (t) => {
  await using disk = await openLossyFilesystem(16_777_216);
  const root = join(disk.path, 'element');
  await registerElementDirectory(root, elementId, createdAt);
  const store = await openFilesystemObjectStore({ elementId, root });
  const big = makeFile(Buffer.alloc(20_000_000, 1));
  await throwsCode(t, 'INSUFFICIENT_STORAGE', () => stage(store, big));
  t.deepEqual(await readdir(join(root, '.artstore', 'staging')), []);

  const small = makeFile('content');
  await storeAll(store, small);
  t.deepEqual(
    (await readElement(root)).whole.map(({ file_id }) => file_id),
    [small.fileId],
  );
});

test('what stands in staging and is not ours is left alone', async (t) => {
  const { root, store } = await openElement(t);
  await writeFile(join(root, '.artstore', 'staging', 'note.txt'), 'of an operator');
  t.deepEqual(await store.listStaged({ minAgeMs: 0, limit: 10 }), []);
});

test('chunks of any size arrive as they were sent', async (t) => {
  const { root, store } = await openElement(t);
  const content = Buffer.from(Array.from({ length: 2_100_000 }, (_, index) => index % 251));
  for (const chunkSize of [1000, 65_536, 1_048_576, 2_100_000]) {
    const { fileId, checksum } = makeFile(content);
    const { signal } = new AbortController();
    const staged = await store.stageContent(fileId, inChunks(content, chunkSize), { signal });
    t.deepEqual(staged, { sizeBytes: content.length, checksum });
    t.true(content.equals(await readFile(join(root, '.artstore', 'staging', fileId))));
  }
});

test('access keeps what it has opened, and asks again after a failure', async (t) => {
  const root = join(await makeFolder(t), 'element');
  const rows = new Map<ElementId, Pick<StorageElement, 'type' | 'location'>>();
  let asked = 0;
  const access = createFilesystemElementAccess({
    findElement(id) {
      asked += 1;
      return Promise.resolve((rows.get(id) as StorageElement | undefined) ?? null);
    },
  });
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => access.openElement(elementId));
  rows.set(elementId, { type: 'filesystem', location: { path: root } });
  await throwsCode(t, 'ELEMENT_UNAVAILABLE', () => access.openElement(elementId));
  await registerElementDirectory(root, elementId, createdAt);
  const [store, same] = await Promise.all([
    access.openElement(elementId),
    access.openElement(elementId),
  ]);
  t.is(store, same);
  t.is(await access.openElement(elementId), store);
  t.is(asked, 3);
});

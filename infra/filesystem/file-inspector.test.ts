import {
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ElementId, FileId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { ObjectStore } from '#domain/ports/object-store.ts';
import { registerElementDirectory } from './element-marker.ts';
import { openFilesystemObjectStore } from './filesystem-object-store.ts';
import { sha256Hex } from './sidecar-writer.ts';

const elementId = 'edit-01' as ElementId;
const { signal } = new AbortController();

async function openElement(t: ExecutionContext): Promise<{ root: string; store: ObjectStore }> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'artstore-inspect-')));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  await registerElementDirectory(root, elementId, parseInstant('2026-01-01T00:00:00Z')!);
  return { root, store: await openFilesystemObjectStore({ elementId, root }) };
}

const at = (storageFilename: string, storagePath = 'a/') => ({ storagePath, storageFilename });

test('sidecars are read and content is looked at, in the order of the question', async (t) => {
  const { root, store } = await openElement(t);
  await mkdir(join(root, 'a'));
  await mkdir(join(root, 'a', 'odd'));
  const largest = Buffer.alloc(limits.sidecarReadCapBytes, 0x20);
  await writeFile(join(root, 'a', 'whole'), 'content');
  await writeFile(join(root, 'a', 'whole.attr.json'), '{}');
  await writeFile(join(root, 'a', 'alone.attr.json'), '');
  await writeFile(join(root, 'a', 'content'), '');
  await writeFile(join(root, 'a', 'largest.attr.json'), largest);
  await writeFile(join(root, 'a', 'larger.attr.json'), Buffer.concat([largest, Buffer.alloc(1)]));
  await symlink('whole.attr.json', join(root, 'a', 'odd.attr.json'));
  await mkdir(join(root, 'a', 'directory.attr.json'));
  await writeFile(join(root, 'top.attr.json'), 'top');
  const names = ['whole', 'alone', 'content', 'none', 'odd', 'directory', 'larger', 'largest'];
  const files = await store.inspectFiles(
    [...names.map((name) => at(name)), at('top', ''), at('x', 'not/there/')],
    { signal },
  );
  const bytes = (text: string) => ({ kind: 'bytes', bytes: Buffer.from(text) });
  t.deepEqual(
    files.map((file) => file.content),
    [
      { kind: 'file', sizeBytes: 7 },
      { kind: 'absent' },
      { kind: 'file', sizeBytes: 0 },
      { kind: 'absent' },
      { kind: 'unusable' },
      { kind: 'absent' },
      { kind: 'absent' },
      { kind: 'absent' },
      { kind: 'absent' },
      { kind: 'absent' },
    ],
  );
  t.deepEqual(files[0]?.sidecar, bytes('{}') as never);
  t.deepEqual(files[1]?.sidecar, bytes('') as never);
  t.deepEqual(
    files.slice(2, 7).map(({ sidecar }) => sidecar),
    [
      { kind: 'absent' },
      { kind: 'absent' },
      { kind: 'unusable' },
      { kind: 'unusable' },
      { kind: 'too-large', sizeBytes: limits.sidecarReadCapBytes + 1 },
    ],
  );
  t.deepEqual(files[7]?.sidecar, { kind: 'bytes', bytes: largest });
  t.deepEqual(files[8]?.sidecar, bytes('top') as never);
  t.deepEqual(files[9]?.sidecar, { kind: 'absent' });
});

test('what is absent is so only while the marker is in place', async (t) => {
  const { root, store } = await openElement(t);
  await writeFile(join(root, 'a'), '');
  await writeFile(join(root, 'a.attr.json'), '');
  await unlink(join(root, '.artstore', 'element.json'));
  t.is((await store.inspectFiles([at('a', '')], { signal })).length, 1);
  await t.throwsAsync(store.inspectFiles([at('b', '')], { signal }), {
    code: 'ELEMENT_UNAVAILABLE',
  });
});

test('locations outside the element are refused, and a cancel is heard', async (t) => {
  const { store } = await openElement(t);
  await t.throwsAsync(store.inspectFiles([at('a'), at('passwd', '../etc/')], { signal }), {
    code: 'INTERNAL',
  });
  await t.throwsAsync(store.inspectFiles([at('a')], { signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
});

test('a file right in the root is written, read, rewritten and removed like any other', async (t) => {
  const { root, store } = await openElement(t);
  const fileId = '00000000-1111-4222-8333-444444444444' as FileId;
  const location = { ...at('в корне.pdf', ''), fileId };
  async function* content() {
    yield Buffer.from('hello');
  }
  await store.stageContent(fileId, content(), { signal });
  const ok = [{ fileId, ok: true }] as const;
  t.deepEqual(await store.commitContents([{ ...location, sizeBytes: 5 }]), ok);
  await store.returnContents([{ ...location, sizeBytes: 5 }]);
  t.deepEqual(await store.commitContents([{ ...location, sizeBytes: 5 }]), ok);
  const write = (sidecar: string, expectedDigest: string | null) =>
    store.writeSidecars([{ ...location, sidecar, expectedDigest }]);
  t.deepEqual(await write('1', null), ok);
  t.deepEqual(await write('2', sha256Hex(Buffer.from('1'))), ok);
  t.is(await readFile(join(root, 'в корне.pdf.attr.json'), 'utf8'), '2');
  t.is(Buffer.from(await store.readSidecar(location)).toString(), '2');
  await using reader = await store.openContent(location, { sizeBytes: 5, signal });
  t.deepEqual(Buffer.concat(await Array.fromAsync(reader)).toString(), 'hello');
  const expectedDigest = sha256Hex(Buffer.from('2'));
  t.true((await store.moveSidecarAway({ ...location, expectedDigest })).ok);
  await store.removeContent(location);
  await store.discardMovedSidecar(fileId);
  t.deepEqual(await Array.fromAsync(store.walkEntries({ after: null, signal })), []);
});

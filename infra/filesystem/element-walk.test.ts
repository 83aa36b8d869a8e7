import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { DomainError } from '#domain/errors.ts';
import type { ElementEntry, ElementPosition } from '#domain/ports/object-store.ts';
import { createElementListing } from './element-walk.ts';
import type { MarkerGuard } from './marker-guard.ts';

const { signal } = new AbortController();
const steadyGuard: MarkerGuard = {
  check: async () => {},
  requireForRead: async () => {},
  requireForWrite: async () => {},
  doubt: () => {},
};

const files = [
  'at-the-root.pdf',
  'a/z.pdf',
  'a/z.pdf.attr.json',
  'a/b/x',
  'a/b/c/deep',
  'a-b/after-minus',
  'a.b/after-dot',
  'a0/after-zero',
  '2025/11/08/10/отчет.pdf',
  '2025/11/08/10/отчет.pdf.attr.json',
  '2025/11/08/10/\u{1F4C4}document.pdf',
  '2025/11/08/10/\uFFFDodd.pdf',
  '2025/11/08/10/a b.pdf',
  '2025/11/08/09/one',
];
const administration = ['.artstore/element.json', '.artstore/staging/content', 'lost+found/inode'];

async function makeTree(
  names: readonly string[],
): Promise<{ readonly root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'artstore-walk-'));
  for (const name of names) {
    await mkdir(join(root, dirname(name)), { recursive: true });
    await writeFile(join(root, name), name);
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

async function walk(root: string, options: { after?: ElementPosition; namesHeld?: number } = {}) {
  const listing = createElementListing(root, steadyGuard, options.namesHeld);
  const entries: ElementEntry[] = [];
  for await (const entry of listing.walkEntries({ after: options.after ?? null, signal })) {
    entries.push(entry);
  }
  return entries;
}

const pathOf = ({ storagePath, name }: ElementPosition): string => storagePath + name;

/** Independent of the code: bytes of the directory, then of the name. */
function expectedOrder(names: readonly string[]): string[] {
  const keys = names.map((name) => {
    const cut = name.lastIndexOf('/') + 1;
    return { name, directory: Buffer.from(name.slice(0, cut)), rest: Buffer.from(name.slice(cut)) };
  });
  keys.sort((a, b) => Buffer.compare(a.directory, b.directory) || Buffer.compare(a.rest, b.rest));
  return keys.map(({ name }) => name);
}

for (const namesHeld of [1, 2, 3, 1000]) {
  test(`a tree comes in byte order, from every position on, with ${namesHeld} names held`, async (t) => {
    await using tree = await makeTree([...files, ...administration]);
    const { root } = tree;
    const whole = await walk(root, { namesHeld });
    t.deepEqual(whole.map(pathOf), expectedOrder(files));
    for (const [index, after] of whole.entries()) {
      const rest = await walk(root, { after, namesHeld });
      t.deepEqual(rest, whole.slice(index + 1));
    }
    // Positions of entries that have gone since.
    const between = await walk(root, { after: { storagePath: 'a/aa/', name: 'm' }, namesHeld });
    t.deepEqual(
      between.map(pathOf),
      expectedOrder(files).filter((name) => /^(?:a\/b\/|a0\/)/.test(name)),
    );
  });
}

test('an entry has its size; links are shown and not followed; too deep is shown', async (t) => {
  const deep = `${Array.from({ length: 33 }, () => 'd').join('/')}/file`;
  await using tree = await makeTree(['a/z.pdf', deep]);
  const { root } = tree;
  await symlink(join(root, 'a'), join(root, 'link'));
  const entries = await walk(root);
  t.deepEqual(
    entries.map(({ isFile, ...position }) => [pathOf(position), isFile]),
    [
      ['link', false],
      ['a/z.pdf', true],
      [Array.from({ length: 33 }, () => 'd').join('/'), false],
    ],
  );
  t.is(entries[1]?.sizeBytes, 7);
  t.true(Math.abs((entries[1]?.modifiedAtMs ?? 0) - Date.now()) < 600_000);
});

test('names that are no UTF-8 are shown as what cannot be a file', async (t) => {
  await using tree = await makeTree(['a/z.pdf']);
  const { root } = tree;
  await writeFile(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0xfe])]), 'x');
  const entries = await walk(root);
  t.deepEqual(
    entries.map(({ name, isFile }) => [name, isFile]),
    [
      ['z.pdf', true],
      ['\uFFFD\uFFFD', false],
    ],
  );
});

test('an end without the marker is no end', async (t) => {
  await using tree = await makeTree(['a/z.pdf']);
  const { root } = tree;
  const check = async (): Promise<void> => {
    throw new DomainError('ELEMENT_UNAVAILABLE', 'The marker is not there.');
  };
  const listing = createElementListing(root, { ...steadyGuard, check });
  const entries: ElementEntry[] = [];
  await t.throwsAsync(
    async () => {
      for await (const entry of listing.walkEntries({ after: null, signal })) entries.push(entry);
    },
    { message: 'The marker is not there.' },
  );
  t.is(entries.length, 1);
});

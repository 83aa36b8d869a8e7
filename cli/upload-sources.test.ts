import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { expandSources, measureSources, type UploadSource } from './upload-sources.ts';

async function makeTree(t: ExecutionContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'artstore-sources-'));
  t.teardown(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'б', 'в'), { recursive: true });
  await mkdir(join(root, 'empty'));
  await writeFile(join(root, 'а.txt'), '1');
  await writeFile(join(root, 'б', 'г.pdf'), '22');
  await writeFile(join(root, 'б', 'в', 'д[1].pdf'), '333');
  return root;
}

const following = { isFollowing: true };
const strict = { isFollowing: false };

async function expand(
  root: string,
  patterns: readonly string[],
  options = strict,
): Promise<string[]> {
  const sources = await Array.fromAsync(
    expandSources(
      patterns.map((pattern) => join(root, pattern)),
      options,
    ),
  );
  return sources.map((source) => describe(source, root));
}

function describe(source: UploadSource, root: string): string {
  const path = source.path.replace(`${root}/`, '');
  return source.kind === 'file' ? `${path} < ${source.relativePath}` : `${path} ${source.kind}`;
}

test('a directory is everything in it, in the order of names, with paths below it', async (t) => {
  const root = await makeTree(t);
  t.deepEqual(await expand(root, ['.']), [
    'а.txt < а.txt',
    'б/в/д[1].pdf < б/в/д[1].pdf',
    'б/г.pdf < б/г.pdf',
  ]);
  t.deepEqual(await expand(root, ['б', 'empty']), ['б/в/д[1].pdf < в/д[1].pdf', 'б/г.pdf < г.pdf']);
  t.deepEqual(await measureSources([root], strict), { files: 3, sizeBytes: 6 });
});

test('a pattern means files; what exists under its letters is that file', async (t) => {
  const root = await makeTree(t);
  t.deepEqual(await expand(root, ['**/*.pdf']), ['б/в/д[1].pdf < д[1].pdf', 'б/г.pdf < г.pdf']);
  t.deepEqual(await expand(root, ['б/в/д[1].pdf']), ['б/в/д[1].pdf < д[1].pdf']);
  t.deepEqual(await expand(root, ['*']), ['а.txt < а.txt']);
  t.deepEqual(await expand(root, ['*.none', 'none']), ['*.none failed', 'none failed']);
});

test('links are skipped, or followed without end in no circle', async (t) => {
  const root = await makeTree(t);
  await symlink('а.txt', join(root, 'link.txt'));
  await symlink('..', join(root, 'б', 'up'));
  await symlink('nowhere', join(root, 'dangling'));
  t.deepEqual(await expand(root, ['link.txt', 'б/up']), ['link.txt skipped', 'б/up skipped']);
  const followed = await expand(root, ['.'], following);
  t.deepEqual(followed, [
    'dangling failed',
    'link.txt < link.txt',
    'а.txt < а.txt',
    'б/up skipped',
    'б/в/д[1].pdf < б/в/д[1].pdf',
    'б/г.pdf < б/г.pdf',
  ]);
});

test('what is no file is skipped, and nothing waits for it', async (t) => {
  const root = await makeTree(t);
  await promisify(execFile)('mkfifo', [join(root, 'empty', 'pipe')]);
  t.deepEqual(await expand(root, ['empty']), ['empty/pipe skipped']);
});

test('a directory that cannot be read is told, and the others are read', async (t) => {
  const root = await makeTree(t);
  await chmod(join(root, 'б', 'в'), 0o000);
  t.teardown(() => chmod(join(root, 'б', 'в'), 0o755));
  const found = await expand(root, ['.']);
  // Who runs as root may read everything.
  const isRoot = process.getuid?.() === 0;
  t.true(found.includes(isRoot ? 'б/в/д[1].pdf < б/в/д[1].pdf' : 'б/в failed'));
  t.true(found.includes('б/г.pdf < б/г.pdf'));
});

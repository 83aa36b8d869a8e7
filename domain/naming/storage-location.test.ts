import test from 'ava';
import { isUsableLocation } from '#domain/naming/storage-location.ts';

const at = (storagePath: string, storageFilename: string): boolean =>
  isUsableLocation({ storagePath, storageFilename });

test('a directory of any shape, and the root itself', (t) => {
  t.true(at('2025/11/08/10/', 'отчет.pdf'));
  t.true(at('archive/', 'a'));
  t.true(at('', 'a.pdf'));
});

test('nothing that leads out of the element or into its administration', (t) => {
  for (const path of [
    '../',
    'a/../',
    './',
    'a//',
    '/',
    '/etc/',
    'a',
    '.artstore/',
    'a/.artstore/',
  ]) {
    t.false(at(path, 'a.pdf'), path);
  }
  for (const name of ['', '.', '..', 'a/b', '.artstore', 'a\0b']) {
    t.false(at('a/', name), name);
    t.false(at('', name), name);
  }
});

test('a sidecar’s name of 255 bytes and a path of 2048 are the longest', (t) => {
  t.true(at('', 'я'.repeat(122)));
  t.true(at('', `${'я'.repeat(122)}a`));
  t.false(at('', 'я'.repeat(123)));
  t.true(at(`${'a'.repeat(2047)}/`, 'b'));
  t.false(at(`${'a'.repeat(2048)}/`, 'b'));
});

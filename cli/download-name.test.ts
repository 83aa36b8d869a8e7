import { basename, join } from 'node:path';
import fc from 'fast-check';
import test from 'ava';
import { safeFilename } from './download-name.ts';

test('names that would lead elsewhere become names of a file here', (t) => {
  t.is(safeFilename('../../etc/passwd'), '.._.._etc_passwd');
  t.is(safeFilename('..\\..\\boot.ini'), '.._.._boot.ini');
  t.is(safeFilename('/etc/passwd'), '_etc_passwd');
  t.is(safeFilename('a\0b\nc'), 'a_b_c');
  for (const name of ['', '.', '..', ' ', '...', ' .. ']) t.is(safeFilename(name), 'file');
  t.is(safeFilename('Договор поставки №127.pdf'), 'Договор поставки №127.pdf');
});

test('long names are cut and keep their extension', (t) => {
  const name = safeFilename(`${'д'.repeat(300)}.pdf`);
  t.true(name.endsWith('д.pdf'));
  t.true(Buffer.byteLength(name) <= 255 && Buffer.byteLength(name) > 250);
});

test('whatever a name is, it is one file of the directory', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (original) => {
      const name = safeFilename(original);
      t.is(basename(join('/dir', name)), name);
      t.is(join('/dir', name), `/dir/${name}`);
      t.true(Buffer.byteLength(name) <= 255);
    }),
  );
});

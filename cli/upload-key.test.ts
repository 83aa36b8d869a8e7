import test from 'ava';
import type { UploadForm } from './upload-form.ts';
import { uploadKey } from './upload-key.ts';

const form: UploadForm = {
  filename: 'Акт.pdf',
  contentType: 'application/pdf',
  content: {
    path: '/архив/Акт.pdf',
    isFollowing: false,
    sizeBytes: 3,
    changedAtNs: 1n,
    sha256: Buffer.alloc(32, 1),
  },
  fields: { tags: ['a'] },
};

test('the same file with the same attributes has the same key, whenever it was touched', (t) => {
  const key = uploadKey(form);
  t.regex(key, /^artstore-cli-1-[0-9a-f]{64}$/);
  t.is(uploadKey({ ...form, content: { ...form.content, changedAtNs: 2n } }), key);
  // Keys that were given out must not change with a later version of the command.
  t.is(key, 'artstore-cli-1-c92ce1b42426d9756119739390cf04de7ee3724adb9d564da7179e31ca04baa7');
});

test('whatever is changed makes another key', (t) => {
  const others: readonly UploadForm[] = [
    form,
    { ...form, filename: 'Акт 2.pdf' },
    { ...form, contentType: 'text/plain' },
    { ...form, fields: { tags: ['b'] } },
    { ...form, fields: {} },
    { ...form, content: { ...form.content, path: '/копия/Акт.pdf' } },
    { ...form, content: { ...form.content, sha256: Buffer.alloc(32, 2) } },
  ];
  t.is(new Set(others.map(uploadKey)).size, others.length);
});

test('a path means the same file from every directory', (t) => {
  const relative = { ...form, content: { ...form.content, path: 'x/../Акт.pdf' } };
  const absolute = { ...form, content: { ...form.content, path: `${process.cwd()}/Акт.pdf` } };
  t.is(uploadKey(relative), uploadKey(absolute));
});

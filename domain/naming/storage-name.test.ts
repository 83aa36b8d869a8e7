import test from 'ava';
import * as fc from 'fast-check';

import type { Instant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import {
  baseName,
  chooseOriginalFilename,
  chooseStorageName,
  sidecarSuffix,
  temporaryAffixBytes,
} from '#domain/naming/storage-name.ts';
import { byteLength, charLength } from '#domain/text-length.ts';

const createdAt = '2025-11-08T10:30:45.123456+00:00' as Instant;
const fileId = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890';

function store(originalFilename: string, username = 'user') {
  return chooseStorageName({ originalFilename, username, createdAt, fileId });
}

/** Stem and extension around the part that is the same in every name here. */
function parts(originalFilename: string, username = 'user'): [string, string] {
  const { storageFilename } = store(originalFilename, username);
  const tail = `_20251108T103045_${fileId}`;
  const [head = '', extension = ''] = storageFilename.split(tail);
  return [head, extension];
}

const vectors: [original: string, username: string, stored: string][] = [
  ['отчет 2024.pdf', 'ivanov', `отчет 2024_ivanov_20251108T103045_${fileId}.pdf`],
  ['archive.tar.gz', 'admin', `archive.tar_admin_20251108T103045_${fileId}.gz`],
  ['.gitignore', 'user', `.gitignore_user_20251108T103045_${fileId}`],
  ['my__doc.pdf', 'admin-service', `my_doc_admin-service_20251108T103045_${fileId}.pdf`],
  ['<>?.pdf', 'user', `file_user_20251108T103045_${fileId}.pdf`],
  ['../../etc/passwd', 'user', `passwd_user_20251108T103045_${fileId}`],
];

for (const [original, username, stored] of vectors) {
  test(`vector: ${original}`, (t) => {
    const name = store(original, username);
    t.is(name.storageFilename, stored);
    t.is(name.storagePath, '2025/11/08/10/');
    t.is(name.originalFilename, baseName(original));
  });
}

const carried = [
  'отчет.pdf',
  'отчет 2024.pdf',
  'Договор поставки №127.pdf',
  'ファイル.pdf',
  'مستند.pdf',
  '📄document.pdf',
  'file (1).pdf',
  'file [copy].pdf',
  'file+new.pdf',
  'a;b=c.pdf',
  '100%.pdf',
];

for (const original of carried) {
  test(`carries unharmed: ${original}`, (t) => {
    const [head, extension] = parts(original);
    t.is(head, `${original.slice(0, -4)}_user`);
    t.is(extension, '.pdf');
    t.is(store(original).originalFilename, original);
  });
}

test('a quote goes from the stored name only', (t) => {
  t.deepEqual(parts('a"b.pdf'), ['a_b_user', '.pdf']);
  t.is(store('a"b.pdf').originalFilename, 'a"b.pdf');
});

test('a Russian title of 140 letters is cut in the stored name only', (t) => {
  const original = `${'я'.repeat(140)}.pdf`;
  const [head] = parts(original, 'ivanov');
  t.regex(head, /^я{70,}\.{3}_ivanov$/);
  t.is(store(original).originalFilename, original);
});

test('a stem of 500 letters is cut to the limit exactly', (t) => {
  t.is(charLength(store('a'.repeat(500)).storageFilename), limits.storageFilenameChars);
  t.regex(parts('a'.repeat(500))[0], /^a+\.{3}_user$/);
  t.regex(parts(`${'щ'.repeat(496)}.pdf`)[0], /^щ+\.{3}_user$/);
});

test('the bytes are used to the last that a letter can take', (t) => {
  for (const [letter, bytes] of [
    ['щ', 2],
    ['語', 3],
    ['📄', 4],
  ] as const) {
    const { storageFilename } = store(`${letter.repeat(450)}.pdf`);
    const room = limits.fileSystemNameBytes - temporaryBytes(storageFilename);
    t.true(room >= 0 && room < bytes, `${letter}: ${room} bytes left`);
  }
});

function temporaryBytes(storageFilename: string): number {
  return byteLength(storageFilename) + byteLength(sidecarSuffix) + temporaryAffixBytes;
}

const cases: [title: string, original: string, username: string, head: string, end: string][] = [
  ['ends are cleaned', ' _a_ .pdf', 'u', 'a_u', '.pdf'],
  ['dots at the end go', 'a...', 'u', 'a_u', ''],
  ['two dots are a nameless file', '..', 'u', 'file_u', ''],
  ['only an extension with a space before it', ' .pdf', 'u', 'file_u', '.pdf'],
  ['control characters', 'a\u0001\u001f\u007fb.pdf', 'u', 'a_b_u', '.pdf'],
  ['bad characters in the extension', 'a.p|f', 'u', 'a_u', '.p_f'],
  ['extension of bad characters only', 'a.???', 'u', 'a_u', ''],
  ['extension of 16 characters', 'a.abcdefghijklmnop', 'u', 'a_u', '.abcdefghijklmnop'],
  ['longer extension: part of the stem', 'a.abcdefghijklmnopq', 'u', 'a.abcdefghijklmnopq_u', ''],
  ['extension of 32 bytes', `a.${'я'.repeat(16)}`, 'u', 'a_u', `.${'я'.repeat(16)}`],
  ['extension of 33 bytes', `a.${'я'.repeat(15)}語`, 'u', `a.${'я'.repeat(15)}語_u`, ''],
  ['Windows path', 'C:\\docs\\смета.xlsx', 'u', 'смета_u', '.xlsx'],
  ['decomposed letters are composed', 'и\u0306.pdf', 'u', 'й_u', '.pdf'],
  ['half of a surrogate pair', 'a\uD800.pdf', 'u', 'a\uFFFD_u', '.pdf'],
  ['user name is cleaned', 'a.pdf', ' a/b\\c.. ', 'a_a_b_c', '.pdf'],
  ['underscores stay in user names', 'a.pdf', 'my_service', 'a_my_service', '.pdf'],
  ['user name of 41 letters', 'a.pdf', 'n'.repeat(41), `a_${'n'.repeat(40)}`, '.pdf'],
  ['user name of 81 bytes', 'a.pdf', '語'.repeat(27), `a_${'語'.repeat(26)}`, '.pdf'],
];

for (const [title, original, username, head, end] of cases) {
  test(`name: ${title}`, (t) => t.deepEqual(parts(original, username), [head, end]));
}

test('a user name that is blank, or empty once cleaned, is refused', (t) => {
  for (const username of ['', '  ', '\u3000', '///', '._. ', '<>']) {
    t.throws(() => store('a.pdf', username), { code: 'USERNAME_INVALID' }, username);
  }
});

test('what is no name is refused', (t) => {
  for (const name of ['', 'folder/', 'folder\\']) {
    t.throws(() => chooseOriginalFilename(name), { code: 'FILENAME_INVALID' }, name);
  }
  t.throws(() => chooseOriginalFilename('a\0.pdf'), { code: 'FILENAME_INVALID' });
});

test('a name of 500 characters is kept, a longer one refused', (t) => {
  for (const letter of ['a', 'я', '📄']) {
    t.is(chooseOriginalFilename(letter.repeat(500)), letter.repeat(500));
    const error = t.throws(() => chooseOriginalFilename(letter.repeat(501)), {
      code: 'REQUEST_MALFORMED',
    });
    t.truthy(error);
  }
  t.is(chooseOriginalFilename(`${'a'.repeat(600)}/b`), 'b', 'only the base name counts');
});

test('a cut never splits what a reader sees as one character', (t) => {
  const family = '👨‍👩‍👧‍👦';
  const [head] = parts(family.repeat(20));
  t.regex(head, new RegExp(`^(?:${family})+\\.{3}_user$`));
  const [accented] = parts('e\u0301\u0302'.repeat(150));
  t.true(accented.endsWith('\u0302..._user'), 'the marks stay with their letter');
});

test('a grapheme longer than the name is cut between code points', (t) => {
  const [head] = parts(`a${'\u0308'.repeat(400)}`);
  t.regex(head, /^ä\u0308+\.{3}_user$/);
});

const anyName = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 300, size: 'max' }),
    fc.string({ unit: 'grapheme', maxLength: 200, size: 'max' }),
    fc.string({
      unit: fc.constantFrom('_', ' ', '.', 'a', 'я', '語', '📄', '\u0301', '<', '\u0338'),
    }),
    fc.tuple(fc.string({ maxLength: 300 }), fc.string({ maxLength: 40 })).map((p) => p.join('.')),
  )
  .filter((name) => !name.includes('\0') && baseName(name) !== '');
const anyUsername = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary', maxLength: 100 }))
  .map((name) => `u${name}`);

test('property: every name fits, has no separator, is in NFC and keeps its form', (t) => {
  fc.assert(
    fc.property(anyName, anyUsername, (original, username) => {
      const { storageFilename } = store(original, username);
      t.true(temporaryBytes(storageFilename) <= limits.fileSystemNameBytes);
      t.true(charLength(storageFilename) <= limits.storageFilenameChars);
      // oxlint-disable-next-line no-control-regex
      t.notRegex(storageFilename, /[<>:"/\\|?*\u0000-\u001f\u007f]/);
      t.notRegex(storageFilename, /^[_ ]|__|[_ .]$/);
      t.is(storageFilename, storageFilename.normalize('NFC'));
      t.true(storageFilename.isWellFormed());
      t.regex(storageFilename, new RegExp(`_20251108T103045_${fileId}(?:\\.[^.]+)?$`));
    }),
    { numRuns: 500 },
  );
});

test('property: a cleaned stem and a base name are not changed again', (t) => {
  fc.assert(
    fc.property(anyName, (original) => {
      const [head] = parts(original);
      const stem = head.slice(0, -'_user'.length);
      // Beside another extension, a longer one might be cut.
      if (byteLength(stem) > 60) return;
      t.deepEqual(parts(`${stem}.pdf`), [head, '.pdf']);
      t.is(baseName(baseName(original)), baseName(original));
    }),
    { numRuns: 500 },
  );
});

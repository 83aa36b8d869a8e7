import test from 'ava';
import * as fc from 'fast-check';
import type { FileId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { FileFilters, FileListQuery, FilePosition } from '#domain/ports/file-catalogue.ts';
import { edit01, openTestCatalogue, rw01 } from '#test/support/open-test-catalogue.ts';
import type { TestCatalogue } from '#test/support/open-test-catalogue.ts';
import { newFileId, storeFiles } from '#test/support/stored-files.ts';

const sorts = ['created_at', 'updated_at', 'file_size', 'original_filename'] as const;
const orders = ['asc', 'desc'] as const;

function listQuery(change: Partial<FileListQuery> = {}): FileListQuery {
  return {
    filters: {},
    sort: 'created_at',
    order: 'asc',
    limit: 1000,
    after: null,
    includeTotal: false,
    ...change,
  };
}

async function namesFound(catalogue: TestCatalogue, filters: FileFilters): Promise<string[]> {
  const { files } = await catalogue.files.listFiles(
    listQuery({ filters, sort: 'original_filename' }),
  );
  return files.map((file) => nameOf(file.attributes));
}

function nameOf(attributes: string): string {
  return (JSON.parse(attributes) as { original_filename: string }).original_filename;
}

/** Ties in every sort, so that only the id keeps them apart. */
const many = Array.from({ length: 60 }, (_, index) => ({
  originalFilename: `${['б', 'Б', 'a', 'Z', '№'][index % 5]}.pdf`,
  sizeBytes: index % 7,
  createdAt: `2025-11-0${1 + (index % 4)}T10:30:45.123456Z`,
}));

for (const sort of sorts) {
  for (const order of orders) {
    test(`pages by ${sort} ${order} hold every file once while others come and go`, async (t) => {
      await using catalogue = await openTestCatalogue();
      const { uploads, files, database } = catalogue;
      const stored = await storeFiles(uploads, many);
      const seen: FileId[] = [];
      const removed = new Set<FileId>();
      const added = new Set<FileId>();
      let after: FilePosition | null = null;
      let pages = 0;
      do {
        const page = await files.listFiles(listQuery({ sort, order, limit: 7, after }));
        t.true(page.files.length <= 7);
        seen.push(...page.files.map((file) => file.fileId));
        after = page.next;
        pages += 1;
        // One that was shown goes, every second time the very last; a new one comes anywhere.
        const gone = seen.at(pages % 2 === 0 ? -1 : -5)!;
        removed.add(gone);
        await database.query({ text: 'delete from files where file_id = $1' }, [gone]);
        const [come] = await storeFiles(uploads, [many[pages % many.length]!]);
        added.add(come!.fileId);
      } while (after !== null);
      t.is(new Set(seen).size, seen.length);
      const missed = stored.filter(({ fileId }) => !seen.includes(fileId));
      t.deepEqual(missed, []);
      t.true(pages >= 9);
      // What is left comes in the order of the whole list.
      const whole = await files.listFiles(listQuery({ sort, order }));
      const left = new Set(seen.filter((id) => !removed.has(id) && !added.has(id)));
      t.deepEqual(
        whole.files.map((file) => file.fileId).filter((id) => left.has(id)),
        [...left],
      );
    });
  }
}

test('names are in the order of their bytes', async (t) => {
  await using catalogue = await openTestCatalogue();
  const names = ['Я.pdf', 'a.pdf', 'Z.pdf', 'ё.pdf', '1.pdf', 'а.pdf'];
  await storeFiles(
    catalogue.uploads,
    names.map((originalFilename) => ({ originalFilename })),
  );
  const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  t.deepEqual(await namesFound(catalogue, {}), sorted);
});

test('the name filter finds parts in either case and takes every character as itself', async (t) => {
  await using catalogue = await openTestCatalogue();
  const names = ['100%.pdf', '100x.pdf', 'a_b.pdf', 'aXb.pdf', 'Договор №1.PDF', 'quote"\'.txt'];
  await storeFiles(
    catalogue.uploads,
    names.map((originalFilename) => ({ originalFilename })),
  );
  const find = (filename: string) => namesFound(catalogue, { filename });
  t.deepEqual(await find('0%'), ['100%.pdf']);
  t.deepEqual(await find('A_B'), ['a_b.pdf']);
  t.deepEqual(await find('ДОГОВОР'), ['Договор №1.PDF']);
  t.deepEqual(await find('договор'), ['Договор №1.PDF']);
  t.deepEqual(await find('"\''), ['quote"\'.txt']);
  t.deepEqual(await find('\\'), []);
  t.deepEqual(await find('%'), ['100%.pdf']);
  t.deepEqual(await find('\u0000'), []);
  t.is((await find('.pdf')).length, 5);
});

test('any part of any name is found', async (t) => {
  await using catalogue = await openTestCatalogue();
  const text = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(text, fc.nat(), async (name, start) => {
      const originalFilename = `x${name.replaceAll(/[/\\]/g, '%')}`;
      const [stored] = await storeFiles(catalogue.uploads, [{ originalFilename }]);
      const filename = nameOf(stored!.sidecar).slice(start % originalFilename.length);
      const { files } = await catalogue.files.listFiles(listQuery({ filters: { filename } }));
      t.true(files.some((file) => file.fileId === stored!.fileId));
    }),
    { numRuns: 30 },
  );
});

test('every filter alone and all of them together', async (t) => {
  await using catalogue = await openTestCatalogue();
  const wanted = {
    originalFilename: 'wanted.pdf',
    contentType: 'text/x-wanted',
    username: 'wanted',
    tags: ['wanted', 'a "quoted", {tag}\\'],
    retentionPolicy: 'permanent',
    createdAt: '2020-01-01T00:00:00.5Z',
  } as const;
  await storeFiles(catalogue.uploads, [wanted, { originalFilename: 'other.pdf', tags: ['other'] }]);
  const all: FileFilters = {
    filename: 'WANT',
    contentType: 'text/x-wanted',
    username: 'wanted',
    tag: 'a "quoted", {tag}\\',
    elementId: rw01,
    retentionPolicy: 'permanent',
    createdFrom: parseInstant('2020-01-01T00:00:00.5Z')!,
    createdTo: parseInstant('2020-01-01T00:00:00.5Z')!,
    state: 'stored',
  };
  t.deepEqual(await namesFound(catalogue, all), ['wanted.pdf']);
  for (const [name, value] of Object.entries(all)) {
    const expected =
      name === 'state' || name === 'createdFrom' ? ['other.pdf', 'wanted.pdf'] : ['wanted.pdf'];
    t.deepEqual(await namesFound(catalogue, { [name]: value }), expected, name);
  }
  t.deepEqual(await namesFound(catalogue, { elementId: edit01 }), ['other.pdf']);
  t.deepEqual(await namesFound(catalogue, { state: 'corrupt' }), []);
  const yearZero = parseInstant('0000-01-01T00:00:00Z')!;
  t.is((await namesFound(catalogue, { createdFrom: yearZero })).length, 2);
});

test('the total counts what the filters leave, whatever the page', async (t) => {
  await using catalogue = await openTestCatalogue();
  await storeFiles(catalogue.uploads, many);
  const filters = { filename: 'б.pdf' };
  const page = await catalogue.files.listFiles(
    listQuery({ filters, limit: 5, includeTotal: true }),
  );
  t.is(page.total, 24);
  const next = await catalogue.files.listFiles(
    listQuery({ filters, limit: 5, includeTotal: true, after: page.next }),
  );
  t.is(next.total, 24);
  t.is((await catalogue.files.listFiles(listQuery())).total, null);
});

test('files that are being deleted are neither found nor listed', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { database, files, uploads } = catalogue;
  const [stays, deleting, tombstoned] = await storeFiles(uploads, [{}, {}, {}]);
  await database.query({ text: `update files set state = 'deleting' where file_id = $1` }, [
    deleting!.fileId,
  ]);
  await database.query({ text: `update files set tombstoned_at = now() where file_id = $1` }, [
    tombstoned!.fileId,
  ]);
  t.is(await files.findFile(deleting!.fileId), null);
  t.is(await files.findFile(tombstoned!.fileId), null);
  const list = await files.listFiles(listQuery({ includeTotal: true }));
  t.deepEqual(
    list.files.map((file) => file.fileId),
    [stays!.fileId],
  );
  t.is(list.total, 1);
  t.false(await files.changeState(deleting!.fileId, 'deleting', 'stored', 'test'));
});

test('a state changes once and says so in the outbox', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { database, files, uploads } = catalogue;
  const [stored] = await storeFiles(uploads, [{}]);
  const changes = await Promise.all(
    Array.from({ length: 10 }, () =>
      files.changeState(stored!.fileId, 'stored', 'suspect', 'wrong digest'),
    ),
  );
  t.is(changes.filter(Boolean).length, 1);
  t.is((await files.findFile(stored!.fileId))?.state, 'suspect');
  const { files: suspects } = await files.listFiles(listQuery({ filters: { state: 'suspect' } }));
  t.is(suspects.length, 1);
  const events = await database.query<{ type: string; data: string; file_ids: string[] }>({
    text: 'select type, data, file_ids from outbox order by transaction_id, sequence',
  });
  t.deepEqual(
    events.map((event) => event.type),
    ['file.stored', 'file.state_changed'],
  );
  t.deepEqual(JSON.parse(events[1]!.data), {
    element_id: 'edit-01',
    from: 'stored',
    to: 'suspect',
    reason: 'wrong digest',
  });
  t.deepEqual(events[1]!.file_ids, [stored!.fileId]);
  t.false(await files.changeState(newFileId(), 'stored', 'suspect', 'not there'));
});

test('a position that does not fit the sort is refused', async (t) => {
  await using catalogue = await openTestCatalogue();
  const fileId = newFileId();
  const refused: [FileListQuery['sort'], FilePosition][] = [
    ['created_at', { value: 'yesterday', fileId }],
    ['updated_at', { value: '12', fileId }],
    ['file_size', { value: '1.5', fileId }],
    ['file_size', { value: '9'.repeat(40), fileId }],
    ['original_filename', { value: '\u0000', fileId }],
    ['created_at', { value: '2025-01-01T00:00:00Z', fileId: "'; drop table files" as FileId }],
  ];
  for (const [sort, after] of refused) {
    const error = await t.throwsAsync(catalogue.files.listFiles(listQuery({ sort, after })));
    t.like(error, { code: 'CURSOR_INVALID' });
  }
  const early = { value: '0000-01-01T00:00:00Z', fileId };
  await t.notThrowsAsync(catalogue.files.listFiles(listQuery({ after: early })));
});

import test from 'ava';
import fc from 'fast-check';
import { fileExtension } from '#domain/search/file-extension.ts';
import { dayNumber, presenceTerm, rangeTerms } from '#infra/postgres/attribute-terms.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { openTestCatalogue } from '#test/support/open-test-catalogue.ts';
import { newFileId } from '#test/support/stored-files.ts';

const insert = `insert into files (file_id, element_id, storage_path, storage_filename,
    original_filename, file_size, content_type, created_by_username, tags, retention_policy,
    created_at, updated_at, revision, sidecar_digest, attributes)
  values ($1, 'edit-01', '', '', $2, 1, 'a/b', 'ivanov', '{tag}', 'temporary', now(), now(), 1, '',
    $3)
  returning extension, custom_attributes, attribute_terms::text[], search_vector::text`;

interface Derived {
  readonly extension: string;
  readonly custom_attributes: unknown;
  readonly attribute_terms: readonly string[];
  readonly search_vector: string;
}

async function derive(database: Database, name: string, attributes: string): Promise<Derived> {
  const [row] = await database.query<Derived>({ text: insert }, [newFileId(), name, attributes]);
  if (row === undefined) throw new Error('nothing was inserted');
  return row;
}

const broken: readonly (readonly [string, string])[] = [
  ['NUL', '{"description":"a\\u0000b","custom_attributes":{"k":"v\\u0000"}}'],
  ['half of a surrogate pair', '{"description":"a\\ud800b","custom_attributes":{"k":"\\udfff"}}'],
  ['a number without end', '{"custom_attributes":{"k":1e200000}}'],
  ['a number too large for an index', '{"custom_attributes":{"k":1e400,"l":1e-400,"m":1e-310}}'],
  ['attributes that are no object', '{"custom_attributes":[1],"metadata":7,"description":{}}'],
  ['a very long text', `{"description":"${'слово '.repeat(150_000)}"}`],
  ['a very long word', `{"description":"${'ы'.repeat(40_000)}"}`],
  ['a very long key', `{"custom_attributes":{"${'k'.repeat(100_000)}":1}}`],
  ['a very long value', `{"custom_attributes":{"k":"${'v'.repeat(100_000)}"}}`],
  [
    'many keys',
    JSON.stringify({
      custom_attributes: Object.fromEntries([...Array(5000).keys()].map((n) => [`k${n}`, n])),
    }),
  ],
  ['deep nesting', `{"custom_attributes":${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`],
];

test('whatever the attributes are, the file is there and is found by its name', async (t) => {
  await using catalogue = await openTestCatalogue();
  for (const [what, attributes] of broken) {
    const row = await derive(catalogue.database, 'Отчёты.pdf', attributes);
    t.true(row.search_vector.includes(`'отчет':1A`), what);
    t.is(row.extension, 'pdf', what);
  }
});

test('characters that PostgreSQL cannot hold cost only themselves', async (t) => {
  await using catalogue = await openTestCatalogue();
  const row = await derive(
    catalogue.database,
    'a.pdf',
    '{"description":"альфа\\u0000бета \\\\u0000 гамма","custom_attributes":{"k\\u0000":"\\ud800x","n":1}}',
  );
  t.deepEqual(row.custom_attributes, { 'k\uFFFD': '\uFFFDx', n: 1 });
  for (const word of ['альф', 'бет', 'u0000', 'гамм'])
    t.true(row.search_vector.includes(word), word);
});

test('a change of the attributes changes what the file is found by', async (t) => {
  await using catalogue = await openTestCatalogue();
  await derive(catalogue.database, 'a.pdf', '{"description":"прежнее"}');
  const [row] = await catalogue.database.query<Derived>(
    {
      text: `update files set attributes = $1
        returning custom_attributes, search_vector::text`,
    },
    ['{"description":"новое","custom_attributes":{"k":1}}'],
  );
  t.false(row?.search_vector.includes('прежн'));
  t.true(row?.search_vector.includes('нов'));
  t.deepEqual(row?.custom_attributes, { k: 1 });
});

test('the extension is the same in the database and in the domain', async (t) => {
  await using catalogue = await openTestCatalogue();
  const names = [
    'отчет.PDF',
    '.gitignore',
    'archive.tar.gz',
    'нет',
    'точка.',
    'a.ФАЙЛ',
    `a.${'x'.repeat(16)}`,
    `a.${'x'.repeat(17)}`,
    `a.${'ы'.repeat(16)}`,
    `a.${'ファ'.repeat(6)}`,
    'a.b c',
    '..',
    'a..b',
    '\n.txt',
    'a\n.txt',
  ];
  for (const name of names) {
    const row = await derive(catalogue.database, name, '{}');
    t.is(row.extension, fileExtension(name), JSON.stringify(name));
  }
});

const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.integer({ min: -50, max: 50 }),
  fc.integer({ min: 0, max: 100_000_000 }).map((cents) => cents / 100),
);
const dates = fc
  .date({ min: new Date('1000-01-01'), max: new Date('9000-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));

test('every number and date in a range has one of the terms that are asked for', async (t) => {
  await using catalogue = await openTestCatalogue();
  const samples = fc.sample(fc.record({ number: numbers, date: dates }), { numRuns: 300, seed: 7 });
  const rows = await catalogue.database.query<{ terms: string[] }>(
    {
      text: `select attribute_terms(json::jsonb)::text[] as terms
        from unnest($1::text[]) with ordinality t (json, place) order by place`,
    },
    [samples.map(({ number, date }) => JSON.stringify({ n: number, d: date }))],
  );
  let outside = 0;
  for (const [index, { number, date }] of samples.entries()) {
    const terms = new Set(rows[index]?.terms);
    t.true(terms.has(presenceTerm('n')) && terms.has(presenceTerm('d')));
    const other = samples[(index * 7 + 1) % samples.length]!;
    const third = samples[(index * 13 + 5) % samples.length]!;
    const ends = [
      [null, null],
      [number, number],
      [null, number],
      [number, null],
      [Math.min(other.number, third.number), Math.max(other.number, third.number)],
    ] as const;
    for (const [from, to] of ends) {
      const asked = rangeTerms('n', 'n', { from, to });
      const isFound = asked.some((term) => terms.has(term));
      if ((from ?? -Infinity) <= number && number <= (to ?? Infinity))
        t.true(isFound, `${number} in ${from}…${to}`);
      else if (!isFound) outside += 1;
      t.true(asked.length < 80, `${asked.length} terms for ${from}…${to}`);
    }
    const days = [other.date, third.date].sort().map((text) => dayNumber(text)) as [number, number];
    const isDayFound = rangeTerms('d', 'd', { from: days[0], to: days[1] }).some((term) =>
      terms.has(term),
    );
    const dayOf = dayNumber(date)!;
    if (days[0] <= dayOf && dayOf <= days[1]) t.true(isDayFound, date);
  }
  t.true(outside > 150, 'terms tell most of what is not in a range');
});

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { compareUtf8 } from '#domain/byte-order.ts';
import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { OperationFailure } from '#domain/ports/operation-failures.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { openTestCatalogue } from '#test/support/open-test-catalogue.ts';

const newOperation = (): OperationId => randomUUID() as string as OperationId;

function failure(key: string, change: Partial<OperationFailure> = {}): OperationFailure {
  return {
    key,
    fileId: null,
    elementId: null,
    path: null,
    code: 'SIDECAR_CORRUPT',
    detail: `Of ${key}.`,
    ...change,
  };
}

async function listKeys(
  failures: PostgresOperationFailures,
  operationId: OperationId,
  limit = 1000,
): Promise<string[]> {
  const keys: string[] = [];
  let after: string | null = null;
  do {
    const page = await failures.listFailures(operationId, { limit, after });
    if (page.failures.length > limit) throw new Error('a page has more than was asked for');
    keys.push(...page.failures.map(({ key }) => key));
    after = page.next;
  } while (after !== null);
  return keys;
}

test('everything of a failure comes back, and only to its operation', async (t) => {
  await using catalogue = await openTestCatalogue();
  const failures = new PostgresOperationFailures(catalogue.database);
  const [one, other] = [newOperation(), newOperation()];
  const whole = failure('2026/01/a.pdf.attr.json', {
    fileId: randomUUID() as string as FileId,
    // Kept beyond the life of element and file: no row of theirs is needed.
    elementId: 'gone-01' as ElementId,
    path: '2026/01/Договор №7.pdf.attr.json',
    code: 'ATTRIBUTES_TOO_LARGE',
    detail: 'It would take 4100 bytes.',
  });
  await failures.recordFailures(one, [whole, failure('b')]);
  t.deepEqual(await failures.listFailures(one, { limit: 10, after: null }), {
    failures: [whole, failure('b')],
    next: null,
  });
  t.is(await failures.countFailures(one), 2);
  t.is(await failures.countFailures(other), 0);
  t.deepEqual(await listKeys(failures, other), []);
});

test('the same key again takes the place of the first, within one call too', async (t) => {
  await using catalogue = await openTestCatalogue();
  const failures = new PostgresOperationFailures(catalogue.database);
  const operationId = newOperation();
  await failures.recordFailures(operationId, [failure('a'), failure('b')]);
  const later = failure('a', { code: 'SIDECAR_MISSING', path: 'x/y', detail: 'Later.' });
  await failures.recordFailures(operationId, [failure('a', { detail: 'Between.' }), later]);
  await failures.recordFailures(operationId, []);
  t.deepEqual(await failures.listFailures(operationId, { limit: 10, after: null }), {
    failures: [later, failure('b')],
    next: null,
  });
  t.is(await failures.countFailures(operationId), 2);
});

test('pages follow the byte order of the keys, whatever comes and goes meanwhile', async (t) => {
  await using catalogue = await openTestCatalogue();
  const failures = new PostgresOperationFailures(catalogue.database);
  const operationId = newOperation();
  const keys = [
    'b',
    'B',
    'a/b',
    'a',
    'a.b',
    'Ё',
    'ё',
    'я',
    '\u{10000}',
    '\uFFFD',
    '~',
    ' x',
    '%',
    '_',
  ];
  await failures.recordFailures(
    operationId,
    keys.map((key) => failure(key)),
  );
  const sorted = keys.toSorted(compareUtf8);
  for (const limit of [1, 2, 3, keys.length, keys.length + 1]) {
    t.deepEqual(await listKeys(failures, operationId, limit), sorted, `${limit} a page`);
  }
  const first = await failures.listFailures(operationId, { limit: 3, after: null });
  t.is(first.next, sorted[2] ?? null);
  // Behind the position it shows, before it nothing moves; the position itself may go.
  await failures.removeFailures(operationId, [sorted[2] ?? '']);
  await failures.recordFailures(operationId, [failure('!'), failure('zz')]);
  const second = await failures.listFailures(operationId, { limit: 100, after: first.next });
  t.deepEqual(
    second.failures.map(({ key }) => key),
    [...sorted.slice(3), 'zz'].toSorted(compareUtf8),
  );
  const beyond = await failures.listFailures(operationId, { limit: 5, after: '\u{10FFFF}' });
  t.deepEqual(beyond, { failures: [], next: null });
});

test('removal takes only what is named, and may be repeated', async (t) => {
  await using catalogue = await openTestCatalogue();
  const failures = new PostgresOperationFailures(catalogue.database);
  const [one, other] = [newOperation(), newOperation()];
  for (const id of [one, other]) {
    await failures.recordFailures(id, [failure('a'), failure('b'), failure('c')]);
  }
  for (const keys of [['b', 'none'], ['b'], []]) {
    await failures.removeFailures(one, keys);
    t.deepEqual(await listKeys(failures, one), ['a', 'c']);
  }
  t.deepEqual(await listKeys(failures, other), ['a', 'b', 'c']);
});

test('text that no column can hold is recorded all the same', async (t) => {
  await using catalogue = await openTestCatalogue();
  const failures = new PostgresOperationFailures(catalogue.database);
  const operationId = newOperation();
  const odd = failure('a\u0000b', { path: 'p\u0000q', detail: `\u0000${'д'.repeat(100_000)}` });
  await failures.recordFailures(operationId, [odd]);
  await failures.recordFailures(operationId, [odd]);
  const { failures: found } = await failures.listFailures(operationId, { limit: 10, after: null });
  t.is(found.length, 1);
  t.is(found[0]?.path, 'p\uFFFDq');
  t.true((found[0]?.detail.length ?? 0) <= 4000);
  await failures.removeFailures(operationId, [odd.key]);
  t.is(await failures.countFailures(operationId), 0);
});

test('keys as long as paths can be stay apart, page, and can be removed', async (t) => {
  await using catalogue = await openTestCatalogue();
  const failures = new PostgresOperationFailures(catalogue.database);
  const operationId = newOperation();
  // What does not compress: an index keeps a long text that does.
  const noise = Array.from({ length: 130 }, () => `${randomUUID()}я/`).join('');
  const long = [`${noise}a`, `${noise}b`, `x${noise}`, 'я'.repeat(3000), 'я'.repeat(3001)];
  await failures.recordFailures(
    operationId,
    long.map((key) => failure(key, { path: key, detail: 'Long.' })),
  );
  const listed = await listKeys(failures, operationId, 2);
  t.is(new Set(listed).size, long.length);
  t.true(listed.every((key) => Buffer.byteLength(key) <= 1024));
  const { failures: found } = await failures.listFailures(operationId, { limit: 10, after: null });
  t.true(found.every(({ path }) => path !== null && long.includes(path)));
  t.is(new Set(found.map(({ path }) => path)).size, long.length);
  await failures.removeFailures(operationId, [`${noise}a`]);
  t.is(await failures.countFailures(operationId), long.length - 1);
  // A key as it was listed names the same failure.
  await failures.removeFailures(operationId, listed);
  t.is(await failures.countFailures(operationId), 0);
});

test('without the database it says so', async (t) => {
  const url = 'postgres://nobody@127.0.0.1:1/none';
  await using database = openPool({ url, applicationName: 'artstore-test', poolSize: 1 });
  const failures = new PostgresOperationFailures(database);
  const operationId = newOperation();
  for (const call of [
    () => failures.recordFailures(operationId, [failure('a')]),
    () => failures.removeFailures(operationId, ['a']),
    () => failures.countFailures(operationId),
    () => failures.listFailures(operationId, { limit: 1, after: null }),
  ]) {
    await t.throwsAsync(call(), { code: 'CATALOGUE_UNAVAILABLE' });
  }
});

import { InvalidArgumentError } from 'commander';
import test from 'ava';
import {
  collect,
  collectMembers,
  collectPairs,
  instantText,
  integerIn,
  positiveNumber,
  secondsAsMs,
  sizeInBytes,
} from './option-values.ts';

const refused = (
  t: { throws: (run: () => unknown, what: object) => unknown },
  run: () => unknown,
) => t.throws(run, { instanceOf: InvalidArgumentError });

test('whole numbers of a range and nothing else', (t) => {
  const parse = integerIn({ min: 1, max: 64 });
  t.is(parse('1'), 1);
  t.is(parse('64'), 64);
  for (const text of ['0', '65', '1.5', '-1', 'x', '', ' 1', '1e1', '9'.repeat(20)]) {
    refused(t, () => parse(text));
  }
});

test('sizes with units of 1024', (t) => {
  t.is(sizeInBytes('100'), 100);
  t.is(sizeInBytes('2K'), 2048);
  t.is(sizeInBytes('3MiB'), 3_145_728);
  t.is(sizeInBytes('1GB'), 1_073_741_824);
  for (const text of ['', 'K', '1.5G', '-1', '1k', '1X', '9999999999999T']) {
    refused(t, () => sizeInBytes(text));
  }
});

test('instants in UTC, and days as their beginning', (t) => {
  t.is(instantText('2026-01-31'), '2026-01-31T00:00:00Z');
  t.is(instantText('2026-01-31T03:00:00+03:00'), '2026-01-31T00:00:00Z');
  for (const text of ['2026-02-31', 'yesterday', '31.01.2026', ''])
    refused(t, () => instantText(text));
});

test('numbers above zero', (t) => {
  t.is(positiveNumber('0.5'), 0.5);
  t.is(secondsAsMs('1.5'), 1500);
  for (const text of ['0', '-1', 'NaN', 'Infinity', '']) refused(t, () => positiveNumber(text));
});

test('members as text, as JSON and as whole objects, which add up', (t) => {
  const members = ['a=1', 'b:=1', 'c:={"d":[null]}', '{"a":2,"e":"x=y"}', 'f=g=h', 'пусто='].reduce(
    (previous, text) => collectMembers(text, previous),
    {},
  );
  t.deepEqual(members, { a: 2, b: 1, c: { d: [null] }, e: 'x=y', f: 'g=h', пусто: '' });
  t.is(JSON.stringify(collectMembers('n:=1.10')), '{"n":1.10}');
  t.deepEqual(Object.keys(collectMembers('__proto__=x')), ['__proto__']);
  for (const text of ['a', '=1', 'a:=', 'a:=x', '{', '[1]']) refused(t, () => collectMembers(text));
});

test('pairs of names', (t) => {
  t.deepEqual(collectPairs('c=d', { a: 'b' }), { a: 'b', c: 'd' });
  for (const text of ['a', 'a=', '=b', '']) refused(t, () => collectPairs(text));
});

test('repeated options keep their order', (t) => {
  t.deepEqual(collect('b', collect('a')), ['a', 'b']);
});

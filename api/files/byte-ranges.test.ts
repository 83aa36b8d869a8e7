import test from 'ava';
import { array, assert, integer, property, tuple } from 'fast-check';
import { parseRanges, type ByteRange } from '#api/files/byte-ranges.ts';
import { byteRangesForm } from '#api/files/multipart-byteranges.ts';
import { isDomainError } from '#domain/errors.ts';

const huge = 2 ** 40;

for (const [header, sizeBytes, expected] of [
  [undefined, 10, null],
  ['bytes=0-4', 10, [{ start: 0, end: 4 }]],
  ['bytes=5-', 10, [{ start: 5, end: 9 }]],
  ['bytes=-4', 10, [{ start: 6, end: 9 }]],
  ['bytes=-40', 10, [{ start: 0, end: 9 }]],
  [
    'bytes= 1 - 2 , 4-5',
    10,
    [
      { start: 1, end: 2 },
      { start: 4, end: 5 },
    ],
  ],
  [`bytes=${2 ** 33}-${2 ** 33 + 1}`, huge, [{ start: 2 ** 33, end: 2 ** 33 + 1 }]],
  ['bytes=-1', huge, [{ start: huge - 1, end: huge - 1 }]],
  ['bytes=0-99999999999999999999', 10, [{ start: 0, end: 9 }]],
  ['bytes=9-1', 10, null],
  ['bytes=x', 10, null],
  ['seconds=1-2', 10, null],
  ['bytes=-5', 0, null],
] as const) {
  test(`${header} of ${sizeBytes}`, (t) => {
    t.deepEqual(parseRanges(header, sizeBytes), expected);
  });
}

for (const [header, sizeBytes] of [
  ['bytes=10-', 10],
  ['bytes=0-', 0],
  ['bytes=-0', 10],
  ['bytes=10-12,99-', 10],
] as const) {
  test(`${header} of ${sizeBytes} cannot be satisfied`, (t) => {
    const error = t.throws(() => parseRanges(header, sizeBytes));
    t.true(isDomainError(error, 'RANGE_NOT_SATISFIABLE'));
    t.is(isDomainError(error) ? error.details.sizeBytes : null, sizeBytes);
  });
}

test('ranges that come out lie within the content', (t) => {
  assert(
    property(
      integer({ min: 1, max: 50 }),
      array(tuple(integer({ min: 0, max: 60 }), integer({ min: 0, max: 60 })), { maxLength: 5 }),
      (sizeBytes, pairs) => {
        const header = `bytes=${pairs.map(([first, last]) => `${first}-${last}`).join(',')}`;
        let ranges: readonly ByteRange[] | null;
        try {
          ranges = parseRanges(header, sizeBytes);
        } catch (error) {
          return isDomainError(error, 'RANGE_NOT_SATISFIABLE');
        }
        return (ranges ?? []).every(
          ({ start, end }) => start >= 0 && start <= end && end < sizeBytes,
        );
      },
    ),
  );
  t.pass();
});

test('the length of a form of ranges is known before it is written', async (t) => {
  const content = Buffer.from('0123456789');
  const ranges = [
    { start: 0, end: 3 },
    { start: 9, end: 9 },
  ];
  const form = byteRangesForm(ranges, { contentType: 'text/plain', sizeBytes: content.length });
  const written: Uint8Array[] = [];
  const open = ({ start, end }: ByteRange) =>
    Promise.resolve({
      async *[Symbol.asyncIterator]() {
        yield content.subarray(start, end + 1);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  for await (const chunk of form.write(open)) written.push(chunk);
  t.is(Buffer.concat(written).length, form.sizeBytes);
});

import test from 'ava';
import fc from 'fast-check';
import { compareUtf8 } from '#domain/byte-order.ts';

test('texts stand in the order of their UTF-8 bytes', (t) => {
  const text = fc.string({ unit: 'grapheme' });
  const near = fc.constantFrom('a', 'a/', 'a-b/', 'a/b/', '\u{1F4C4}', '\uFFFD', '\uE000', 'я', '');
  fc.assert(
    fc.property(fc.oneof(text, near), fc.oneof(text, near), (left, right) => {
      const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
      t.is(Math.sign(compareUtf8(left, right)), expected);
    }),
  );
  t.true(compareUtf8('\uFFFD', '\u{1F4C4}') < 0);
});

import fc from 'fast-check';
import test from 'ava';
import {
  cutToWidth,
  displayWidth,
  padToWidth,
  printable,
  renderDuration,
  renderInstant,
  renderSize,
} from './printable.ts';

test('nothing that a terminal would obey is left in text of others', (t) => {
  t.is(printable('a\u001b[2Jb\r\n\u202egpj.exe'), 'a\\u{1b}[2Jb\\u{0d}\\u{0a}\\u{202e}gpj.exe');
  t.is(printable('Договор №1 — «акт» 日本 👍'), 'Договор №1 — «акт» 日本 👍');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.notRegex(printable(text), /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

test('widths are those of the columns that characters take', (t) => {
  t.is(displayWidth('Акт'), 3);
  t.is(displayWidth('日本'), 4);
  t.is(displayWidth('й'.normalize('NFD')), 1);
  t.is(displayWidth('👍🏽'), 2);
  t.is(padToWidth('日本', 6, 'right'), '  日本');
  t.is(padToWidth('акт', 5, 'left'), 'акт  ');
  t.is(cutToWidth('договор', 4), 'дог…');
  t.is(cutToWidth('日本語', 4), '日…');
  t.is(cutToWidth('акт', 3), 'акт');
});

test('sizes, times and instants for people', (t) => {
  t.is(renderSize(0), '0 B');
  t.is(renderSize(999), '999 B');
  t.is(renderSize(1000), '1.0 KiB');
  t.is(renderSize(107_374_182_400), '100.0 GiB');
  t.is(renderDuration(400), '0 s');
  t.is(renderDuration(61_000), '1 min 1 s');
  t.is(renderDuration(7_260_000), '2 h 1 min');
  t.is(renderInstant('2026-01-31T10:00:00.123456Z'), '2026-01-31 10:00:00Z');
});

import test from 'ava';
import fc from 'fast-check';
import { escapeHtml, highlightMarks, markParts, markText } from '#domain/search/highlight.ts';

const { start, stop } = highlightMarks;

test('marks stand at the same characters of the text, which is escaped', (t) => {
  t.is(
    markText('a<b>_c', `${start}a${stop} b  ${start}c${stop}`),
    '<em>a</em>&lt;b&gt;_<em>c</em>',
  );
  t.is(markText('📄 ёж', `  ${start}еж${stop}`), '📄 <em>ёж</em>');
  t.is(markText('plain', 'plain'), null);
  t.is(markText('longer than marked', `${start}longer${stop}`), '<em>longer</em> than marked');
});

test('every occurrence of a part is marked, in either case', (t) => {
  t.is(markParts('Договор договора', 'ДОГОВОР'), '<em>Договор</em> <em>договор</em>а');
  t.is(markParts('100%_&', '%_'), '100<em>%_</em>&amp;');
  t.is(markParts('abc', 'x'), null);
  t.is(markParts('abc', ''), null);
});

test('whatever is marked, the text can be read back and nothing of it is markup', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (before, part) => {
      const html = markParts(before + part + before, part);
      if (html === null) return true;
      const text = html.replaceAll(/<\/?em>/g, '');
      return text === escapeHtml(before + part + before) && !/<(?!\/?em>)/.test(html);
    }),
  );
  t.pass();
});

import test from 'ava';
import fc from 'fast-check';
import { compileLinearPattern } from '#infra/json-schema/linear-pattern.ts';

const free = () => {};

function open(source: string) {
  const compiled = compileLinearPattern(source, free);
  if (!compiled.ok) throw new Error(`${source} ${compiled.message}`);
  return compiled.pattern;
}

for (const source of [
  '(?=a)b',
  '(?!a)b',
  '(?<=a)b',
  '(?<!a)b',
  '(a)\\1',
  'a{1001}',
  '(a{100}){100}',
  '((a{1,30}){1,30}){1,30}',
  '.{0,999}',
  '\\p{Script=Grek}',
  '\\p{Letter}',
]) {
  test(`refused: ${source}`, (t) => t.false(compileLinearPattern(source, free).ok));
}

for (const [source, text, expected] of [
  ['^[а-яё]+$', 'договор', true],
  ['^\\u0434', 'договор', true],
  ['^\\u{1F4C4}$', '📄', true],
  ['^.$', '📄', true],
  ['^\\p{Lu}{2}-\\d{4}$', 'ДП-2024', true],
  ['^\\p{Lu}{2}-\\d{4}$', 'дп-2024', false],
  ['^\\p{Script=Cyrillic}+$', 'Договор', true],
  ['^[^\\P{sc=Cyrillic}\\d]+$', 'Contract', false],
  ['a$', 'a\n', false],
  ['^(?<year>\\d{4})\\/', '2024/1', true],
  ['[^]', '\n', true],
  ['^\\cJ$', '\n', true],
] as const) {
  test(`${source} and ${JSON.stringify(text)}: ${expected}`, (t) => {
    const pattern = open(source);
    t.is(pattern.test(text), expected);
    pattern.forget();
    t.is(pattern.test(text), expected);
  });
}

test('what a backtracking engine never ends on', (t) => {
  const text = `${'a'.repeat(4000)}!`;
  for (const source of [
    '^(a+)+$',
    '^(a|aa)+$',
    '^(a|a)*$',
    '^([a-z]+)*$',
    '(.*a){20}$',
    '^(\\w+\\s?)*$',
  ]) {
    t.false(open(source).test(text), source);
  }
});

test('each test is charged before it runs, by the pattern and by the text', (t) => {
  const work: { readonly units: number; readonly chars: number }[] = [];
  const charge = (one: { readonly units: number; readonly chars: number }) => void work.push(one);
  const small = compileLinearPattern('a', charge);
  const large = compileLinearPattern('^(?:ab|cd){20}$', charge);
  if (!small.ok || !large.ok) throw new Error('not compiled');
  small.pattern.test('xyz');
  small.pattern.test('x'.repeat(999));
  large.pattern.test('xyz');
  const [first, long, broad] = work;
  t.deepEqual(
    work.map(({ chars }) => chars),
    [4, 1000, 4],
  );
  t.true((long?.units ?? 0) > 200 * (first?.units ?? 0));
  t.true((broad?.units ?? 0) > 10 * (first?.units ?? 0));
  const refusing = compileLinearPattern('a', () => {
    throw new Error('no');
  });
  t.throws(() => refusing.ok && refusing.pattern.test('a'), { message: 'no' });
});

test('where both engines take a pattern they agree on every text', (t) => {
  const { pattern } = fc.letrec<{ pattern: string; atom: string }>((tie) => ({
    atom: fc.constantFrom(
      'a',
      'b',
      'я',
      '.',
      '[ab]',
      '[^a]',
      '\\d',
      '\\w',
      '\\b',
      '^',
      '$',
      '1',
      '\\.',
      '\\p{L}',
    ),
    pattern: fc.oneof(
      { maxDepth: 4 },
      tie('atom'),
      fc.array(tie('pattern'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
      fc
        .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '*?'))
        .map(([inner, times]) => `(${inner})${times}`),
    ),
  }));
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'я', '1', '.', ' ', '\n', '📄'),
    maxLength: 8,
  });
  fc.assert(
    fc.property(pattern, text, (source, text) => {
      const compiled = compileLinearPattern(source, free);
      fc.pre(compiled.ok);
      t.is(compiled.ok && compiled.pattern.test(text), new RegExp(source, 'u').test(text), source);
    }),
    { numRuns: 500 },
  );
});

import { readFile } from 'node:fs/promises';
import test from 'ava';
import { exitCodeOfStatus, exitCodes, renderExitCodes } from './exit-codes.ts';

test('a status has the exit code of its meaning', (t) => {
  const expected: readonly (readonly [number, number])[] = [
    ...[400, 405, 413, 415, 416, 422, 431].map((status) => [status, 2] as const),
    ...[401, 403].map((status) => [status, 3] as const),
    ...[404, 410].map((status) => [status, 4] as const),
    ...[409, 412, 428].map((status) => [status, 5] as const),
    ...[408, 429, 502, 503, 504, 507].map((status) => [status, 6] as const),
    ...[500, 501, 599].map((status) => [status, 9] as const),
  ];
  for (const [status, code] of expected)
    t.is<number, number>(exitCodeOfStatus(status), code, String(status));
});

test('docs/cli.md has every exit code with its meaning, and no other', async (t) => {
  const document = await readFile('docs/cli.md', 'utf8');
  const documented = [...document.matchAll(/^\| *`(\d+)` *\| *(.+?) *\|$/gm)].map(
    ([, code = '', meaning = '']) => `${code} ${meaning}`,
  );
  const meant = [...renderExitCodes().matchAll(/^ +(\d+) {2}(.+)$/gm)].map(
    ([, code = '', meaning = '']) => `${code} ${meaning}`,
  );
  t.deepEqual(documented, meant);
  t.is(documented.length, Object.keys(exitCodes).length);
});

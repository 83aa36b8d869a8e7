import { readFile } from 'node:fs/promises';
import test from 'ava';
import { documentedVariables } from './schema.ts';

async function read(path: string): Promise<string> {
  return await readFile(new URL(path, import.meta.url), 'utf8');
}

test('.env.example lists every variable with its meaning and default, and no other', async (t) => {
  const listed = (await read('../.env.example')).split('\n\n').slice(1);
  const expected = documentedVariables.map(
    ({ variable, description, defaultText, isSecret }) =>
      `# ${description}${isSecret ? ` (or ${variable}_FILE)` : ''}\n` +
      `# ${variable}=${defaultText ?? ''}`,
  );
  t.deepEqual(
    listed.map((entry) => entry.trimEnd()),
    expected,
  );
});

test('docs/operations.md lists every variable and no other', async (t) => {
  const rows = (await read('../docs/operations.md')).matchAll(/^\| `(ARTSTORE_\w+)`\s*\|/gm);
  const listed = [...rows].map((row) => row[1] ?? '');
  const expected = documentedVariables.map(({ variable }) => variable);
  t.deepEqual(listed.toSorted(), expected.toSorted());
});

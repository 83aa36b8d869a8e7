/** Rules that no linter knows. Each would go stale silently if it stood only in a document. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { errorCatalogue } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

const run = promisify(execFile);

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort();
}

/** First cells of a Markdown table's rows that hold a code span. */
function codesOf(markdown: string): string[] {
  return [...markdown.matchAll(/^\|\s*`([^`]+)`/gm)].map((match) => match[1] ?? '');
}

test('the linter refuses every kind of crossing that the fixtures hold', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'artstore-lint-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await cp('test/lint-fixtures', folder, { recursive: true });
  await cp('.oxlintrc.json', join(folder, '.oxlintrc.json'));
  await cp('tsconfig.json', join(folder, 'tsconfig.json'));
  await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  const failure = await t.throwsAsync<Error & { stdout: string }>(
    run('oxlint', ['-f', 'unix'], { cwd: folder }),
  );
  const found = failure.stdout
    .split('\n')
    .filter((line) => line.includes('restricted'))
    .map((line) => line.replace(/^(?:\.\/)?(.*?):(\d+):.*$/, '$1:$2'));
  const expected: string[] = [];
  for (const file of await readdir('test/lint-fixtures', { recursive: true })) {
    if (!file.endsWith('.ts')) continue;
    const lines = (await read(join('test/lint-fixtures', file))).split('\n');
    for (const [index, line] of lines.entries()) {
      if (line.includes('// refused')) expected.push(`${file}:${index + 1}`);
    }
  }
  t.true(expected.length >= 10);
  t.deepEqual(found.sort(), expected.sort());
});

test('docs/errors.md has every error code and no other', async (t) => {
  const documented = codesOf(await read('docs/errors.md'));
  t.deepEqual(documented.toSorted(), Object.keys(errorCatalogue).sort());
});

test('docs/limits.md has every limit and no other', async (t) => {
  const documented = codesOf(await read('docs/limits.md'));
  t.deepEqual(documented.toSorted(), Object.keys(limits).sort());
});

test('every limit is used', async (t) => {
  const sources = await readAll(['domain', 'api', 'infra', 'activities', 'workflows', 'workers']);
  const unused = Object.keys(limits).filter((name) => !sources.includes(`limits.${name}`));
  t.deepEqual(unused, []);
});

test('every error code can come out', async (t) => {
  const sources = await readAll(['domain', 'api', 'infra', 'activities', 'workflows', 'workers']);
  const catalogue = await read('domain/errors.ts');
  const elsewhere = sources.replace(catalogue, '');
  const unused = Object.keys(errorCatalogue).filter((code) => !elsewhere.includes(`'${code}'`));
  t.deepEqual(unused, []);
});

test('every workflow has a row in ARCHITECTURE.md and recorded histories', async (t) => {
  const list = await read('workflows/index.ts');
  const workflows = [...list.matchAll(/export \{ (\w+) \}/g)].map((match) => match[1] ?? '');
  t.true(workflows.length > 0);
  const documented = codesOf(await read('ARCHITECTURE.md'));
  const histories = await namesIn('test/histories');
  for (const workflow of workflows) {
    t.true(documented.includes(workflow), `${workflow} has no row in ARCHITECTURE.md`);
    const kebab = workflow.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    t.true(
      histories.some((name) => name.startsWith(kebab) && name.endsWith('.json')),
      `${workflow} has no history`,
    );
  }
});

test('every port has a row in the table of contracts, with a test that stands', async (t) => {
  const table = await read('test/contracts/README.md');
  const ports = (await namesIn('domain/ports')).map((name) => name.replace(/\.ts$/, ''));
  t.deepEqual(codesOf(table).toSorted(), ports);
  for (const [, path] of table.matchAll(/\| `(test\/[^`]+)` \|/g)) {
    t.regex(await read(path ?? ''), /\btest(?:\.serial)?\(/);
  }
});

test('dependencies are pinned exactly', async (t) => {
  const manifest = JSON.parse(await read('package.json')) as Record<string, Record<string, string>>;
  const versions = [
    ...Object.entries(manifest['dependencies'] ?? {}),
    ...Object.entries(manifest['devDependencies'] ?? {}),
  ];
  t.deepEqual(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)),
    [],
  );
});

async function readAll(folders: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const folder of folders) {
    for (const name of await readdir(folder, { recursive: true })) {
      if (name.endsWith('.ts') && !name.endsWith('.test.ts'))
        texts.push(await read(join(folder, name)));
    }
  }
  return texts.join('\n');
}

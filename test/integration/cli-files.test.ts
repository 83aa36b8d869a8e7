import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  accountVariables,
  openCliHome,
  type CliHome,
  type CliResult,
} from '#test/support/run-cli.ts';
import type { TestApi, TestClient } from '#test/support/test-api.ts';
import { startWorkflowApi } from '#test/support/workflow-api.ts';

const resources = new AsyncDisposableStack();
let temporal: TemporalHarness;
let api: TestApi;
let admin: TestClient;

test.before(async () => {
  temporal = resources.use(await openTemporalHarness());
  const world = resources.use(await startWorkflowApi(temporal));
  resources.use(await world.startWorkers());
  ({ api } = world);
  admin = await api.createClient('ADMIN');
});
test.after.always(() => resources.disposeAsync());

const openHome = (): Promise<CliHome> => openCliHome(accountVariables(api.url, admin));

interface UploadLine {
  readonly path: string;
  readonly outcome: string;
  readonly file_id: string;
  readonly is_new: boolean;
  readonly file: Readonly<Record<string, unknown>>;
  readonly error: Readonly<Record<string, unknown>>;
}

interface FileLine {
  readonly file_id: string;
  readonly original_filename: string;
  readonly tags: readonly string[];
  readonly description: string | null;
  readonly custom_attributes: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Stores one file and tells its id. */
async function store(home: CliHome, name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(home.directory, name), content);
  const { code, stderr, json } = await home.run(['upload', name, '--json']);
  if (code !== 0) throw new Error(stderr);
  return json<UploadLine>()[0]!.file_id;
}

test.serial(
  'a directory with Russian names is stored in parallel, found, shown and brought back',
  async (t) => {
    await using home = await openHome();
    const folder = join(home.directory, 'Архив 2026');
    await mkdir(join(folder, 'Договоры', 'пустой'), { recursive: true });
    const contents = new Map<string, Uint8Array>([
      ['Договоры/Договор поставки №127.pdf', randomBytes(700_000)],
      ['Договоры/"Кавычки" & 100%22.txt', Buffer.from('кавычки')],
      ['Акт.docx', Buffer.alloc(0)],
      ...Array.from({ length: 9 }, (_, index): [string, Uint8Array] => [
        `Письмо ${index}.txt`,
        Buffer.from(`письмо ${index}`),
      ]),
    ]);
    for (const [path, content] of contents) await writeFile(join(folder, path), content);

    const args = [
      'upload',
      'Архив 2026',
      '--json',
      '--parallel',
      '5',
      '--tag',
      'архив',
      '--tag',
      'x',
    ];
    const attributes = ['--metadata', 'номер:=12345678901234567890', '--path-as', 'путь'];
    const first = await home.run([...args, ...attributes]);
    t.is(first.code, 0, first.stderr);
    const stored = first.json<UploadLine>();
    t.is(stored.length, contents.size);
    t.true(stored.every(({ outcome, is_new: isNew }) => outcome === 'stored' && isNew));

    const contract = stored.find(({ path }) => path.endsWith('№127.pdf'))!;
    const shown = await home.run(['show', contract.file_id, '--json']);
    t.true(shown.stdout.includes('"номер":12345678901234567890'));
    t.like(shown.json<FileLine>()[0], {
      original_filename: 'Договор поставки №127.pdf',
      content_type: 'application/pdf',
      tags: ['архив', 'x'],
      custom_attributes: { путь: 'Договоры/Договор поставки №127.pdf' },
    });
    const quoted = stored.find(({ path }) => path.includes('Кавычки'))!;
    t.is(quoted.file['original_filename'], '"Кавычки" & 100%22.txt');

    const found = await home.run(['find', 'поставки', '--json']);
    t.deepEqual(
      found.json<{ file: FileLine }>().map(({ file }) => file.file_id),
      [contract.file_id],
    );

    const back = join(home.directory, 'назад');
    await mkdir(back);
    const ids = stored.map(({ file_id: fileId }) => fileId).join('\n');
    const fetched = await home.run(['download', '-', '-o', 'назад'], { input: ids });
    t.is(fetched.code, 0, fetched.stderr);
    const names = [...contents.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1));
    t.deepEqual((await readdir(back)).sort(), names.sort());
    for (const [path, content] of contents) {
      t.deepEqual(
        await readFile(join(back, path.slice(path.lastIndexOf('/') + 1))),
        Buffer.from(content),
      );
    }

    const again = await home.run([...args, ...attributes]);
    t.is(again.code, 0, again.stderr);
    const idsOf = (lines: UploadLine[]): string[] => lines.map((line) => line.file_id).sort();
    t.deepEqual(idsOf(again.json<UploadLine>()), idsOf(stored), 'nothing is stored twice');
    const anew = await home.run(['upload', join('Архив 2026', 'Акт.docx'), '--again', '--json']);
    t.false(idsOf(stored).includes(anew.json<UploadLine>()[0]!.file_id));
  },
);

test.serial('one bad file does not keep the others back, and the exit code tells', async (t) => {
  await using home = await openHome();
  await mkdir(join(home.directory, 'in'));
  await writeFile(join(home.directory, 'in', 'good.txt'), 'good');
  await symlink('good.txt', join(home.directory, 'in', 'link.txt'));
  const result = await home.run(['upload', 'in', 'missing.txt', 'none-*.pdf', '--json']);
  t.is(result.code, 1);
  const outcomes = result.json<UploadLine>().map(({ path, outcome }) => [path, outcome]);
  t.deepEqual(outcomes.sort(), [
    ['in/good.txt', 'stored'],
    ['in/link.txt', 'skipped'],
    ['missing.txt', 'failed'],
    ['none-*.pdf', 'failed'],
  ]);
  const alone = await home.run(['upload', 'missing.txt']);
  t.is(alone.code, 8);
  t.regex(alone.stderr, /missing\.txt cannot be read: it does not exist/);
  const followed = await home.run(['upload', 'in/*.txt', '--follow', '--json']);
  t.is(followed.code, 0, followed.stderr);
  t.is(followed.json().length, 2);
});

test.serial('attributes that are refused come back with every fault', async (t) => {
  await using home = await openHome();
  await writeFile(join(home.directory, 'a.txt'), 'a');
  const long = 'т'.repeat(60);
  const result = await home.run([
    'upload',
    'a.txt',
    '--tag',
    long,
    '--file-version',
    'v'.repeat(101),
  ]);
  t.is(result.code, 2, result.stderr);
  t.regex(result.stderr, /\/tags/);
  t.regex(result.stderr, /\/version/);
  t.regex(result.stderr, /request [\w-]+/);
  const json = await home.run(['upload', 'a.txt', '--tag', long, '--json']);
  t.like(json.json<UploadLine>()[0], { outcome: 'failed' });
  t.is(json.json<UploadLine>()[0]!.error['exit_code'], 2);
  t.is(await api.countRows('files', `original_filename = 'a.txt'`), 0);
});

test.serial('what was stored before and deleted since is not taken for stored', async (t) => {
  await using home = await openHome();
  const fileId = await store(home, 'once.txt', `once ${Date.now()}`);
  const deleted = await home.run(['delete', fileId, '--yes', '--wait', '--json']);
  t.is(deleted.code, 0, deleted.stderr);
  t.like(deleted.json()[0], { file_id: fileId, outcome: 'completed' });
  t.is((await home.run(['show', fileId])).code, 4);
  // As an answer of yesterday: only then it is known to be an old one.
  await api.database.query({
    text: `update uploads set sidecar = replace(sidecar, '"created_at":"2', '"created_at":"1')
           where file_id = '${fileId}'`,
  });
  const again = await home.run(['upload', 'once.txt']);
  t.is(again.code, 5, again.stdout + again.stderr);
  t.regex(again.stderr, /deleted since; --again/);
  t.is((await home.run(['upload', 'once.txt', '--again'])).code, 0);
});

test.serial('a patch reads the state it changes, and a stale one changes nothing', async (t) => {
  await using home = await openHome();
  const fileId = await store(home, 'patch.txt', 'patch');
  const changed = await home.run([
    ...'patch --set-description Новое --tag a --tag b --custom сумма:=1.10 --json'.split(' '),
    fileId,
  ]);
  t.is(changed.code, 0, changed.stderr);
  t.true(changed.stdout.includes('"сумма":1.10'));
  t.like(changed.json<FileLine>()[0], { description: 'Новое', tags: ['a', 'b'] });
  const untagged = await home.run(['patch', fileId, '--untag', 'a', '--tag', 'c', '--json']);
  t.like(untagged.json<FileLine>()[0], { tags: ['b', 'c'] });

  const stale = await home.run(['patch', fileId, '--tag', 'd', '--if-match', 'a'.repeat(64)]);
  t.is(stale.code, 5);
  t.regex(stale.stderr, /precondition/i);
  const merge = JSON.stringify({ description: null, metadata: { k: [1] } });
  const merged = await home.run(['patch', fileId, '--json-patch', '-', '--json'], { input: merge });
  t.is(merged.code, 0, merged.stderr);
  t.like(merged.json<FileLine>()[0], { description: null, metadata: { k: [1] }, tags: ['b', 'c'] });
  t.is((await home.run(['patch', fileId])).code, 2, 'nothing to change');

  const sidecar = await home.run(['show', fileId, '--sidecar']);
  t.like(JSON.parse(sidecar.stdout), { schema_version: '2.0', file_id: fileId });
  const old = await home.run(['show', fileId, '--schema-version', '1.0']);
  t.regex(old.stderr, /Left out of this form/);
});

test.serial('a download takes no name that is there, and nothing that comes damaged', async (t) => {
  await using home = await openHome();
  const content = randomBytes(300_000);
  const fileId = await store(home, 'content.bin', content);
  const path = join(home.directory, 'content.bin');
  await writeFile(path, 'mine');
  const refused = await home.run(['download', fileId]);
  t.is(refused.code, 8);
  t.is(await readFile(path, 'utf8'), 'mine');
  t.is((await home.run(['download', fileId, '--force'])).code, 0);
  t.deepEqual(await readFile(path), content);
  const piped = await home.run(['download', fileId, '-o', '-', '--quiet']);
  t.is(piped.code, 0);
  t.true(piped.stdout.length > 0);

  const file = (await (await api.fetch(`/api/v1/files/${fileId}`)).json()) as {
    storage: { element_id: string; path: string };
  };
  const stored = join(api.rootOf(file.storage.element_id), file.storage.path);
  const damaged = Buffer.from(content);
  damaged[250_000] = damaged[250_000]! ^ 1;
  await chmod(stored, 0o644);
  await writeFile(stored, damaged);
  const broken = await home.run(['download', fileId, '-o', 'broken.bin', '--retries', '1']);
  t.true([6, 9].includes(broken.code ?? -1), broken.stderr);
  const left = (await readdir(home.directory)).filter((name) => /broken|\.part$/.test(name));
  t.deepEqual(left, [], 'neither half a file nor a temporary one');
  t.is(sha256(await readFile(path)), sha256(content));
});

test.serial('lists go over pages and stop at their limit', async (t) => {
  await using home = await openHome();
  const tag = `pages-${randomBytes(4).toString('hex')}`;
  await mkdir(join(home.directory, 'many'));
  for (let index = 0; index < 7; index += 1) {
    await writeFile(join(home.directory, 'many', `${index}.txt`), `${tag} ${index}`);
  }
  t.is((await home.run(['upload', 'many', '--tag', tag])).code, 0);
  const count = ({ stdout }: CliResult): number => stdout.split('\n').filter(Boolean).length;
  t.is(count(await home.run(['list', '--tag', tag])), 7);
  t.is(count(await home.run(['list', '--tag', tag, '--limit', '3'])), 3);
  t.is(count(await home.run(['find', '--tag', tag, '--limit', '5', '--json'])), 5);
  const [line = ''] = (await home.run(['list', '--tag', tag])).stdout.split('\n');
  t.is(line.split('\t').length, 5, 'fields of a pipe are separated by tabs');
});

test.serial('many deletions: what is not there is told, the others go', async (t) => {
  await using home = await openHome();
  const [one, two] = [await store(home, '1.txt', '1'), await store(home, '2.txt', '2')];
  const missing = '00000000-0000-4000-8000-000000000000';
  const asked = await home.run(['delete', one]);
  t.is(asked.code, 2, 'nobody can be asked here');
  const result = await home.run(['delete', '-', '--yes', '--wait', '--json'], {
    input: `${one}\n${missing}\n${two}\n`,
  });
  t.is(result.code, 1, result.stderr);
  const outcomes = result.json().map((line) => [line['file_id'], line['outcome']]);
  t.deepEqual(Object.fromEntries(outcomes), {
    [one]: 'completed',
    [missing]: 'failed',
    [two]: 'completed',
  });
  t.is((await home.run(['delete', missing, '--yes'])).code, 4);
});

test.serial('an operation is watched to its end', async (t) => {
  await using home = await openHome();
  const fileId = await store(home, 'watched.txt', 'watched');
  const started = await home.run(['delete', fileId, '--yes', '--json']);
  const { operation } = started.json<{ operation: { operation_id: string } }>()[0]!;
  const watched = await home.run(['operations', 'watch', operation.operation_id, '--json']);
  t.is(watched.code, 0, watched.stderr);
  t.like(watched.json().at(-1), { kind: 'deleteFile', state: 'completed' });
  const shown = await home.run(['operations', 'show', operation.operation_id]);
  t.regex(shown.stdout, /deleteFile .*: completed/);
  const listed = await home.run(['operations', 'list', '--kind', 'deleteFile', '--json']);
  t.true(listed.stdout.includes(operation.operation_id));
  t.is((await home.run(['operations', 'cancel', operation.operation_id])).code, 5, 'it has ended');
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openTemporalHarness, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  findRewritten,
  openMigrationStack,
  placeOldFile,
  type MigrationStack,
} from '#test/support/migration-stack.ts';
import { accountVariables, openCliHome, type CliHome } from '#test/support/run-cli.ts';

const fileCount = 12;
let temporal: TemporalHarness;
let stack: MigrationStack;
let home: CliHome;

test.before(async () => {
  temporal = await openTemporalHarness();
  stack = await openMigrationStack(temporal);
  home = await openCliHome(
    accountVariables(stack.api.url, await stack.api.createClient('OPERATOR')),
  );
});
test.after.always(async () => {
  await home[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
  await temporal[Symbol.asyncDispose]();
});

interface OperationLine {
  readonly operation_id: string;
  readonly state: string;
  readonly progress: { readonly done: number; readonly failed: number; readonly total: number };
}

test.serial('an old archive is taken over, migrated and put back by commands alone', async (t) => {
  const { archiveId, archiveRoot } = stack;
  const files = await Promise.all(
    Array.from({ length: fileCount }, () => placeOldFile(archiveRoot)),
  );
  // What its mapping would replace.
  const conflicting = await placeOldFile(archiveRoot, { custom_attributes: { department: 'IT' } });
  files.push(conflicting);

  const register = ['elements', 'register', archiveId, '--path', archiveRoot, '--mode', 'rw'];
  t.is((await home.run(register)).code, 5, 'a directory with files is not taken over unasked');
  const registered = await home.run([...register, '--adopt', '--priority', '900', '--json']);
  t.is(registered.code, 0, registered.stderr);
  t.like(registered.json()[0], { element_id: archiveId, mode: 'rw', priority: 900 });
  t.is((await home.run([...register, '--adopt', '--priority', '900'])).code, 0, 'again');
  await stack.serve(archiveId);
  const elements = await home.run(['elements', 'list']);
  t.regex(elements.stdout, new RegExp(`^${archiveId}\trw\tonline\t900\t`, 'm'));

  const rebuilt = await home.run(['rebuild', archiveId, '--wait', '--json']);
  t.is(rebuilt.code, 0, rebuilt.stderr);
  const listed = await home.run(['list', '--element', archiveId, '--json']);
  t.is(listed.json().length, fileCount + 1);

  const migration = ['--element', archiveId, '--map', 'department=department'];
  const planned = await home.run(['migrate', 'plan', ...migration, '--json']);
  t.true([0, 1].includes(planned.code ?? -1), planned.stderr);
  t.is(planned.json<OperationLine>().at(-1)?.state, 'completed');
  t.deepEqual(await findRewritten(files), [], 'a plan writes nothing');

  const run = await home.run(['migrate', 'run', ...migration, '--watch', '--json']);
  t.is(run.code, 1, run.stderr);
  const end = run.json<OperationLine>().at(-1)!;
  t.like(end, { state: 'completed', progress: { done: fileCount, failed: 1 } });
  t.is((await findRewritten(files)).length, fileCount);
  const failures = await home.run(['migrate', 'failures', end.operation_id, '--json']);
  t.deepEqual(
    failures.json().map(({ file_id: fileId }) => fileId),
    [conflicting.fileId],
  );
  const shown = await home.run(['migrate', 'show', end.operation_id, '--json']);
  t.like(shown.json()[0], { action: 'migrate', dry_run: false });
  t.is((await home.run(['migrate', 'pause', end.operation_id])).code, 5, 'it has ended');
  t.is((await home.run(['migrate', 'throttle', end.operation_id, '--rate', '5'])).code, 5);

  const retried = await home.run(['migrate', 'retry', end.operation_id, '--wait', '--json']);
  t.is(retried.code, 1, retried.stderr);
  const reverted = await home.run(['migrate', 'revert', end.operation_id, '--wait']);
  t.is(reverted.code, 0, reverted.stdout + reverted.stderr);
  t.deepEqual(await findRewritten(files), []);
});

test.serial('ids of a file select what is migrated; what matches nothing is refused', async (t) => {
  const missing = '00000000-0000-4000-8000-000000000000';
  const list = join(home.directory, 'ids.txt');
  await writeFile(list, `${missing}\n`);
  t.is((await readFile(list, 'utf8')).length, 37);
  const refused = await home.run(['migrate', 'run', '--file-ids', '@ids.txt', '--wait', '--json']);
  t.not(refused.code, 0, refused.stdout);
  const wrong = await home.run(['migrate', 'run', '--from', '7.0', '--json']);
  t.is(wrong.code, 2, wrong.stdout);
  t.like(JSON.parse(wrong.stderr), { status: 422, exit_code: 2 });
});

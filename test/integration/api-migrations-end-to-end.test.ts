import { readFile, rename } from 'node:fs/promises';
import test from 'ava';
import { openTemporalHarness, until, type TemporalHarness } from '#test/support/element-harness.ts';
import { migrationsPath, soundRequest } from '#test/support/migration-edge.ts';
import {
  findRewritten,
  openMigrationStack,
  placeOldFile,
  type MigrationStack,
  type OldFile,
} from '#test/support/migration-stack.ts';

let temporal: TemporalHarness;
let stack: MigrationStack;
test.before(async () => {
  temporal = await openTemporalHarness();
  stack = await openMigrationStack(temporal);
});
test.after.always(async () => {
  await stack[Symbol.asyncDispose]();
  await temporal[Symbol.asyncDispose]();
});

interface Progress {
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly total: number;
}

interface Run {
  readonly operation_id: string;
  readonly state: string;
  readonly progress: Progress | null;
  readonly seconds_left: number | null;
  readonly code?: string;
  readonly [member: string]: unknown;
}

interface Answer {
  readonly status: number;
  readonly body: Run;
}

async function ask(method: string, path: string, sent?: object): Promise<Answer> {
  const response = await stack.api.fetch(path, {
    method,
    ...(sent !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    }),
  });
  return { status: response.status, body: (await response.json()) as Run };
}

async function accept(path: string, sent?: object): Promise<string> {
  const { status, body } = await ask('POST', path, sent);
  if (status !== 202) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  return body.operation_id;
}

const look = async (id: string): Promise<Run> => (await ask('GET', `${migrationsPath}/${id}`)).body;

async function endOf(id: string): Promise<Run> {
  let last: Run | null = null;
  try {
    await until(`the operation ${id} has ended`, async () => {
      last = (await ask('GET', `/api/v1/operations/${id}`)).body;
      return last['finished_at'] !== null;
    });
  } catch (cause) {
    throw new Error(`it stands so: ${JSON.stringify(last)}`, { cause });
  }
  return last ?? (await look(id));
}

async function endOfRun(id: string): Promise<Run> {
  await endOf(id);
  return await look(id);
}

async function listFailures(id: string): Promise<{ file_id: string; code: string }[]> {
  const response = await stack.api.fetch(`${migrationsPath}/${id}/failures`);
  return ((await response.json()) as { items: { file_id: string; code: string }[] }).items;
}

const fileCount = 150;
const mapping = { department: 'department' };

test.serial('an old archive is taken over, migrated and put back, byte for byte', async (t) => {
  const { api, editId, archiveId, archiveRoot } = stack;
  const root = api.rootOf(editId);
  const files: OldFile[] = [];
  for (let count = 0; count < fileCount; count += 1) files.push(await placeOldFile(root));
  const large = await placeOldFile(root, { description: 'я'.repeat(1600) });
  const frozen = [await placeOldFile(archiveRoot), await placeOldFile(archiveRoot)];
  const registered = await ask('POST', '/api/v1/storage-elements', {
    element_id: archiveId,
    name: 'Archive',
    type: 'filesystem',
    mode: 'ro',
    location: { path: archiveRoot },
    adopt: true,
  });
  t.is(registered.status, 201, JSON.stringify(registered.body));
  await stack.serve(editId);
  await stack.serve(archiveId);
  for (const [elementId, total] of [
    [editId, fileCount + 1],
    [archiveId, 2],
  ] as const) {
    const rebuild = await endOf(await accept(`/api/v1/storage-elements/${elementId}/rebuild`));
    t.like(rebuild, { state: 'completed', progress: { done: total, failed: 0 } });
  }
  const all = [...files, large, ...frozen];

  const tried = await endOfRun(await accept(migrationsPath, { ...soundRequest, dry_run: true }));
  t.like(tried, {
    state: 'completed',
    dry_run: true,
    progress: { done: fileCount, failed: 1, skipped: 2, total: fileCount + 3 },
  });
  t.deepEqual(await findRewritten(all), []);

  // Something is amiss with one file, and a run that goes slowly does not get far.
  const [lost] = files as [OldFile];
  await rename(lost.sidecarPath, `${lost.sidecarPath}-away`);
  const request = { ...soundRequest, mapping, concurrency: 1, files_per_second: 1 };
  const id = await accept(migrationsPath, request);
  await until('some files are done', async () => ((await look(id)).progress?.done ?? 0) > 0);
  const second = await ask('POST', migrationsPath, { ...soundRequest });
  t.like(second, {
    status: 409,
    body: { code: 'OPERATION_IN_PROGRESS', operation_id: id },
  });
  t.is((await ask('POST', `${migrationsPath}/${id}/revert`)).status, 409, 'it has not ended');
  await accept(`/api/v1/operations/${id}/pause`);
  t.is((await look(id)).state, 'paused');
  t.is((await look(id)).seconds_left, null);
  t.like(await ask('POST', `/api/v1/operations/${id}/pause`), {
    status: 409,
    body: { code: 'OPERATION_STATE_FORBIDS' },
  });
  const paced = await ask('PATCH', `${migrationsPath}/${id}`, {
    files_per_second: null,
    concurrency: 4,
  });
  t.like(paced, { status: 200, body: { files_per_second: null, concurrency: 4, state: 'paused' } });
  await accept(`/api/v1/operations/${id}/resume`);
  const run = await endOfRun(id);
  t.like(run, {
    state: 'completed',
    action: 'migrate',
    progress: { done: fileCount - 1, failed: 2, skipped: 2, total: fileCount + 3 },
    skipped: { frozen: 2 },
    seconds_left: null,
  });
  t.like(run['request'], { ...soundRequest, mapping, mapping_policy: 'refuse' });
  t.is((await ask('PATCH', `${migrationsPath}/${id}`, { concurrency: 1 })).status, 409);

  const failures = await listFailures(id);
  t.deepEqual(failures.map(({ file_id: fileId, code }) => `${code} ${fileId}`).toSorted(), [
    `ATTRIBUTES_TOO_LARGE ${large.fileId}`,
    `SIDECAR_MISSING ${lost.fileId}`,
  ]);
  const [, sample] = files as [OldFile, OldFile];
  const text = await readFile(sample.sidecarPath, 'utf8');
  t.regex(text, /"serial":12345678901234567890/);
  const shown = (await ask('GET', `/api/v1/files/${sample.fileId}`)).body;
  t.like(shown, {
    schema_version: '2.0',
    revision: 2,
    retention: { policy: 'permanent' },
    custom_attributes: { department: 'Бухгалтерия' },
  });
  t.false('department' in (shown['metadata'] as object));
  t.deepEqual(await findRewritten(frozen), []);

  // Only what failed is tried again.
  await rename(`${lost.sidecarPath}-away`, lost.sidecarPath);
  const retried = await endOfRun(await accept(`${migrationsPath}/${id}/retry`));
  t.like(retried, {
    action: 'retry',
    of_run: id,
    progress: { done: 1, failed: 1, skipped: 0, total: 2 },
  });
  t.deepEqual((await findRewritten(files)).toSorted(), files.map((file) => file.fileId).toSorted());

  const revert = await endOfRun(await accept(`${migrationsPath}/${id}/revert`));
  t.like(revert, {
    action: 'revert',
    of_run: id,
    state: 'completed',
    progress: { done: fileCount, failed: 0, skipped: 0, total: fileCount },
  });
  t.deepEqual(await findRewritten(all), []);
  const content = await stack.api.fetch(`/api/v1/files/${sample.fileId}/content`);
  t.is(await content.text(), `the content of ${sample.fileId}`);

  const listed = await stack.api.fetch(migrationsPath);
  const { items } = (await listed.json()) as { items: Run[] };
  t.deepEqual(
    items.map((item) => item.operation_id),
    [revert, retried, run, tried].map((item) => item.operation_id),
  );
});

test.serial(
  'a run that is cancelled leaves what it has finished, and the element to others',
  async (t) => {
    const { api, rwId } = stack;
    const files: OldFile[] = [];
    for (let count = 0; count < 40; count += 1) files.push(await placeOldFile(api.rootOf(rwId)));
    await stack.serve(rwId);
    await endOf(await accept(`/api/v1/storage-elements/${rwId}/rebuild`));
    const selection = { element_id: rwId };
    const slow = { ...soundRequest, selection, concurrency: 1, files_per_second: 1 };
    const id = await accept(migrationsPath, slow);
    await until('some files are done', async () => ((await look(id)).progress?.done ?? 0) > 0);
    await accept(`/api/v1/operations/${id}/cancel`);
    const cancelled = await endOfRun(id);
    t.is(cancelled.state, 'cancelled');
    const rewritten = await findRewritten(files);
    t.is(rewritten.length, cancelled.progress?.done ?? -1);
    t.true(rewritten.length > 0 && rewritten.length < files.length);

    const named = files.map((file) => file.fileId).slice(0, 40);
    const rest = await endOfRun(
      await accept(migrationsPath, { ...soundRequest, selection: { file_ids: named } }),
    );
    const left = files.length - rewritten.length;
    t.like(rest, {
      state: 'completed',
      source: 'named_files',
      progress: { done: left, failed: 0, skipped: rewritten.length, total: files.length },
    });
    t.is((await findRewritten(files)).length, files.length);
    t.like(
      await ask('POST', migrationsPath, {
        ...soundRequest,
        selection: { file_ids: ['00000000-0000-4000-8000-000000000000'] },
      }),
      {
        status: 422,
        body: { code: 'SELECTION_EMPTY' },
      },
    );
  },
);

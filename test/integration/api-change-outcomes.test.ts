import test from 'ava';
import { operationsPath } from '#api/operations/present-operation.ts';
import { DomainError } from '#domain/errors.ts';
import type { OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import { patchFile, readSidecar, storeFile } from '#test/support/api-files.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

/** How the API answers what comes back from the workflows. */
let api: TestApi;
let updateAttributes: FileLifecycle['updateAttributes'] | null = null;
let deleteFile: FileLifecycle['deleteFile'] | null = null;
let isAvailable = true;
let isCatalogueBlind = false;

test.before(async () => {
  api = await startTestApi(({ lifecycle, operations }) => ({
    lifecycle: {
      ...lifecycle,
      updateAttributes: (change) => (updateAttributes ?? lifecycle.updateAttributes)(change),
      deleteFile: (deletion) => (deleteFile ?? lifecycle.deleteFile)(deletion),
      isAvailable: () => isAvailable,
    },
    operations: {
      listOperations: (query) => operations.listOperations(query),
      findOperation: (id) =>
        isCatalogueBlind
          ? Promise.reject(new DomainError('CATALOGUE_UNAVAILABLE', 'It is away.'))
          : operations.findOperation(id),
    },
  }));
});
test.afterEach.always(() => {
  updateAttributes = null;
  deleteFile = null;
  isAvailable = true;
  isCatalogueBlind = false;
});
test.after.always(() => api[Symbol.asyncDispose]());

const holder = '11111111-2222-4333-8444-555555555555' as OperationId;
const patch = { description: 'x' };

test.serial('a file that is held: 409 with the operation that holds it', async (t) => {
  const stored = await storeFile(api);
  updateAttributes = () =>
    Promise.resolve({
      kind: 'failed',
      failure: { code: 'FILE_BUSY', detail: 'Held.' },
      operationId: holder,
    });
  const { body } = await patchFile(api, stored, patch);
  t.like(body, { status: 409, code: 'FILE_BUSY', operation_id: holder });
  deleteFile = () =>
    Promise.reject(new DomainError('FILE_BUSY', 'Held.', { details: { operationId: holder } }));
  const response = await api.fetch(stored.path, { method: 'DELETE' });
  t.like(await response.json(), { status: 409, code: 'FILE_BUSY', operation_id: holder });
});

test.serial('still under way at the deadline: 202, though the catalogue is away', async (t) => {
  const stored = await storeFile(api);
  updateAttributes = () => Promise.resolve({ kind: 'pending' });
  isCatalogueBlind = true;
  const { status, body } = await patchFile(api, stored, patch);
  t.is(status, 202);
  t.like(body, {
    kind: 'updateAttributes',
    state: 'pending',
    subject: { type: 'file', id: stored.file.file_id },
    links: { self: `${operationsPath}/${String(body['operation_id'])}` },
  });
});

test.serial('without workflows: 503 before the body is read, and nothing is changed', async (t) => {
  const stored = await storeFile(api);
  const before = await readSidecar(stored);
  isAvailable = false;
  const answer = await patchFile(api, stored, '{"broken');
  t.like(answer.body, { status: 503, code: 'WORKFLOWS_UNAVAILABLE' });
  for (const [path, method] of [
    [stored.path, 'DELETE'],
    ['/api/v1/files/batch-delete', 'POST'],
  ] as const) {
    const response = await api.fetch(path, { method });
    t.is(response.status, 503);
    t.truthy(response.headers.get('retry-after'));
    await response.arrayBuffer();
  }
  isAvailable = true;
  updateAttributes = () => Promise.reject(new DomainError('WORKFLOWS_UNAVAILABLE', 'Away.'));
  t.is((await patchFile(api, stored, patch)).status, 503);
  t.deepEqual(await readSidecar(stored), before);
  t.is((await api.fetch(stored.path)).status, 200);
});

test.serial('any state is taken with *: a change that came in between is built upon', async (t) => {
  const stored = await storeFile(api, { query: '&version=1' });
  const inner = api.ports.lifecycle;
  let calls = 0;
  updateAttributes = async (change) => {
    calls += 1;
    updateAttributes = null;
    await patchFile(api, stored, { version: '2' });
    return inner.updateAttributes(change);
  };
  const overtaken = await patchFile(api, stored, patch, { ifMatch: '*' });
  t.is(calls, 1);
  t.like(overtaken.body, { description: 'x', version: '2', revision: 3 });

  updateAttributes = () => {
    calls += 1;
    const failure = { code: 'PRECONDITION_FAILED', detail: 'Again.' } as const;
    return Promise.resolve({ kind: 'failed', failure });
  };
  const never = await patchFile(api, stored, { description: 'y' }, { ifMatch: '*' });
  t.is(never.status, 412);
  t.is(calls, 4);
});

test.serial('too many changes under way: 503, and room again when they have ended', async (t) => {
  const stored = await storeFile(api);
  const held = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  let waiting = 0;
  updateAttributes = async () => {
    waiting += 1;
    if (waiting === limits.admittedChanges) all.resolve();
    await held.promise;
    return { kind: 'changed' };
  };
  const running = Array.from({ length: limits.admittedChanges }, () =>
    patchFile(api, stored, patch),
  );
  await all.promise;
  t.like((await patchFile(api, stored, patch)).body, { status: 503, code: 'TOO_MANY_CHANGES' });
  const deletion = await api.fetch(stored.path, { method: 'DELETE' });
  t.truthy(deletion.headers.get('retry-after'));
  t.like(await deletion.json(), { status: 503, code: 'TOO_MANY_CHANGES' });
  held.resolve();
  t.deepEqual([...new Set((await Promise.all(running)).map(({ status }) => status))], [200]);
  updateAttributes = null;
  t.is((await patchFile(api, stored, patch)).status, 200);
});

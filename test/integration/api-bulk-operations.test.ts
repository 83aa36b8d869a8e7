import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { operationsPath } from '#api/operations/present-operation.ts';
import type { ElementId, OperationId } from '#domain/ids.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { elementsPath, makePlace, registration, sendJson } from '#test/support/api-elements.ts';
import { startServedApi, type ServedApi } from '#test/support/served-api.ts';

/** Nobody serves the elements here: what was started stays as it was started. */
let served: ServedApi;
test.before(async () => {
  served = await startServedApi();
});
test.after.always(() => served?.[Symbol.asyncDispose]());

interface OperationJson {
  readonly operation_id: string;
  readonly kind: string;
  readonly state: string;
  readonly subject: object;
  readonly started_by: string;
  readonly links: Readonly<Record<string, string>>;
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string }[];
}

async function start(
  path: string,
  init: RequestInit & { token?: string } = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly json: OperationJson }> {
  const response = await served.api.fetch(`${elementsPath}/${path}`, { method: 'POST', ...init });
  const json = (await response.json()) as OperationJson;
  return { status: response.status, headers: response.headers, json };
}

const jsonBody = (body: unknown): RequestInit => ({
  headers: { 'Content-Type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

async function withElement(id: string, mode: string, use: () => Promise<void>): Promise<void> {
  await using place = await makePlace();
  const body = registration(id, join(place.path, 'e'), { mode });
  const made = await sendJson(served.api, elementsPath, { body });
  if (made.status !== 201) throw new Error(JSON.stringify(made.json));
  await use();
}

test('a rebuild is started once per element, in any mode, and answers with its operation', async (t) => {
  for (const mode of ['edit', 'rw', 'ro', 'ar']) {
    const id = `rebuild-${mode}`;
    await withElement(id, mode, async () => {
      const { token, accountId } = await served.api.createClient('OPERATOR');
      const started = await start(`${id}/rebuild`, { token });
      t.is(started.status, 202, JSON.stringify(started.json));
      const { operation_id: operationId } = started.json;
      t.is(started.headers.get('location'), `${operationsPath}/${operationId}`);
      t.like(started.json, {
        kind: 'rebuildCatalogue',
        state: 'pending',
        subject: { type: 'storage_element', id },
        started_by: accountId,
        workflow_id: `rebuild-catalogue/${id}`,
        links: {
          self: `${operationsPath}/${operationId}`,
          subject: `${elementsPath}/${id}`,
          failures: `${operationsPath}/${operationId}/failures`,
        },
      });
      const workflow = await served.temporal.workflow
        .getHandle(`rebuild-catalogue/${id}`)
        .describe();
      t.is(workflow.status.name, 'RUNNING');
      t.is(workflow.taskQueue, `element-${id}`);
      const again = await start(`${id}/rebuild`, jsonBody({}));
      t.is(again.status, 409);
      t.like(again.json, { code: 'OPERATION_IN_PROGRESS', operation_id: operationId });
    });
  }
});

test('a reconciliation changes nothing unless it is told to', async (t) => {
  for (const [id, init, apply] of [
    ['reconcile-1', {}, false],
    ['reconcile-2', jsonBody({}), false],
    ['reconcile-3', jsonBody({ apply: false }), false],
    ['reconcile-4', jsonBody({ apply: true }), true],
  ] as const) {
    await withElement(id, 'rw', async () => {
      const started = await start(`${id}/reconcile`, init);
      t.is(started.status, 202, JSON.stringify(started.json));
      t.is(started.json.kind, 'reconcileElement');
      const [row] = await served.api.database.query<{ input: string }>(
        { text: `select input from operations where operation_id = $1` },
        [started.json.operation_id],
      );
      t.deepEqual(JSON.parse(row?.input ?? ''), { apply });
      const again = await start(`${id}/reconcile`, jsonBody({ apply: true }));
      t.like(again.json, {
        code: 'OPERATION_IN_PROGRESS',
        operation_id: started.json.operation_id,
      });
      // The two kinds are two works.
      t.is((await start(`${id}/rebuild`)).status, 202);
    });
  }
});

test('a request that is repeated with its key has started its operation once', async (t) => {
  await withElement('keyed-1', 'rw', async () => {
    const key = randomUUID();
    const keyed = (path: string, body: unknown) =>
      start(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify(body),
      });
    const first = await keyed('keyed-1/reconcile', { apply: false });
    t.is(first.status, 202);
    const path = `${elementsPath}/keyed-1`;
    const body = { status: 'maintenance' };
    t.is((await sendJson(served.api, path, { method: 'PATCH', body })).status, 200);
    const again = await keyed('keyed-1/reconcile', { apply: false });
    t.is(again.status, 202);
    t.is(again.json.operation_id, first.json.operation_id);
    for (const [other, asked] of [
      ['reconcile', { apply: true }],
      ['rebuild', {}],
    ] as const) {
      const reused = await keyed(`keyed-1/${other}`, asked);
      t.is(reused.status, 422);
      t.is(reused.json.code, 'IDEMPOTENCY_KEY_REUSED');
    }
  });
});

test('a body that says something else is refused', async (t) => {
  for (const [path, init, status, pointer] of [
    ['rw-01/rebuild', jsonBody({ apply: true }), 422, '/apply'],
    ['rw-01/rebuild', jsonBody([]), 422, ''],
    ['rw-01/rebuild', jsonBody('null'), 422, ''],
    ['rw-01/rebuild', jsonBody('{'), 400, ''],
    ['rw-01/rebuild', { body: 'x', headers: { 'Content-Type': 'text/plain' } }, 415, null],
    ['rw-01/reconcile', jsonBody({ apply: 'true' }), 422, '/apply'],
    ['rw-01/reconcile', jsonBody({ apply: 1 }), 422, '/apply'],
    ['rw-01/reconcile', jsonBody({ apply: null }), 422, '/apply'],
    ['rw-01/reconcile', jsonBody({ dry_run: true }), 422, '/dry_run'],
    ['rw-01/reconcile', jsonBody('{"apply":true,"apply":false}'), 400, ''],
    ['rw-01/reconcile', jsonBody(`{"apply":true,"x":"${'x'.repeat(20_000)}"}`), 413, null],
  ] as const) {
    const refused = await start(path, init);
    t.is(refused.status, status, JSON.stringify(refused.json));
    if (pointer !== null) {
      t.deepEqual(
        refused.json.errors?.map((fault) => fault.pointer),
        [pointer],
      );
    }
  }
  t.is((await start('rw-01/rebuild?apply=true')).status, 422);
  for (const work of ['rebuild', 'reconcile']) {
    t.is((await start(`none-01/${work}`)).json.code, 'ELEMENT_NOT_FOUND');
  }
  const rows = await served.api.database.query({
    text: `select from operations where subject_id in ('rw-01', 'none-01')
      and workflow_id is not null`,
  });
  t.is(rows.length, 0, 'nothing was started');
});

/** Bulk operations are written by workflows; here only their rows are needed. */
async function makeOperation(startedBy: string, kind = 'rebuildCatalogue'): Promise<OperationId> {
  const id = randomUUID() as string as OperationId;
  await served.api.database.query(
    {
      text: `insert into operations (operation_id, kind, state, subject_type, subject_id,
          started_by, finished_at)
        values ($1, $2, 'completed', 'storage_element', 'rw-01', $3, now())`,
    },
    [id, kind, startedBy],
  );
  return id;
}

interface FailurePage {
  readonly items: readonly { readonly path: string | null }[];
  readonly next_cursor: string | null;
  readonly code?: string;
}

async function listFailures(
  operationId: string,
  query = '',
  token?: string,
): Promise<FailurePage & { readonly status: number }> {
  const path = `${operationsPath}/${operationId}/failures${query}`;
  const response = await served.api.fetch(path, token === undefined ? {} : { token });
  return { status: response.status, ...((await response.json()) as FailurePage) };
}

test('failures are listed page by page, each as it was recorded', async (t) => {
  const failures = new PostgresOperationFailures(served.api.database);
  const operationId = await makeOperation(randomUUID());
  const other = await makeOperation(randomUUID());
  // As long as a path can become: a cursor must be able to say where to go on.
  const longPath = `2026/${Array.from({ length: 80 }, () => randomUUID()).join('/')}`;
  const paths = ['a', 'b', 'c', 'd', 'Договор №7', longPath];
  await failures.recordFailures(
    operationId,
    paths.map((path) => ({
      key: path,
      fileId: null,
      elementId: 'rw-01' as ElementId,
      path,
      code: 'SIDECAR_CORRUPT',
      detail: `Of ${path}.`,
    })),
  );
  await failures.recordFailures(other, [
    { key: 'x', fileId: null, elementId: null, path: null, code: 'SIDECAR_MISSING', detail: 'X.' },
  ]);
  const whole = await listFailures(operationId);
  t.is(whole.status, 200);
  t.is(whole.next_cursor, null);
  t.deepEqual(
    whole.items.find(({ path }) => path === 'a'),
    {
      file_id: null,
      element_id: 'rw-01',
      path: 'a',
      code: 'SIDECAR_CORRUPT',
      detail: 'Of a.',
    } as object as { path: string },
  );
  const seen: (string | null)[] = [];
  for (let cursor = ''; ;) {
    const page = await listFailures(operationId, `?limit=1${cursor}`);
    t.is(page.status, 200);
    seen.push(...page.items.map(({ path }) => path));
    if (page.next_cursor === null) break;
    cursor = `&cursor=${page.next_cursor}`;
    // A cursor belongs to its operation.
    t.is((await listFailures(other, `?cursor=${page.next_cursor}`)).code, 'CURSOR_INVALID');
  }
  t.deepEqual(
    seen,
    whole.items.map(({ path }) => path),
  );
  t.deepEqual([...seen].sort(), [...paths].sort());
  for (const cursor of ['', 'AAAA', 'x'.repeat(5000), '%00']) {
    const refused = await listFailures(operationId, `?cursor=${cursor}`);
    t.is(refused.status, 400, cursor);
    t.is(refused.code, 'CURSOR_INVALID');
  }
  for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?after=a', '?limit=1&limit=2']) {
    t.is((await listFailures(operationId, query)).status, 422, query);
  }
});

test('failures are for those who may see the operation', async (t) => {
  const [user, stranger, auditor, reader] = await Promise.all(
    (['USER', 'USER', 'AUDITOR', 'READONLY'] as const).map((role) => served.api.createClient(role)),
  );
  if (!user || !stranger || !auditor || !reader) return t.fail();
  const operationId = await makeOperation(user.accountId);
  t.is((await listFailures(operationId, '', user.token)).status, 200);
  t.is((await listFailures(operationId, '', auditor.token)).status, 200);
  t.is((await listFailures(operationId, '', stranger.token)).code, 'OPERATION_NOT_FOUND');
  t.is((await listFailures(operationId, '', reader.token)).status, 403);
  t.is((await listFailures(randomUUID())).code, 'OPERATION_NOT_FOUND');
  t.is((await listFailures('nonsense')).code, 'OPERATION_NOT_FOUND');
});

test('only what goes over many files links to its failures; the others have none', async (t) => {
  for (const [kind, isBulk] of [
    ['rebuildCatalogue', true],
    ['reconcileElement', true],
    ['migrateAttributes', true],
    ['deleteFile', false],
    ['reindexSearch', false],
  ] as const) {
    const id = await makeOperation(randomUUID(), kind);
    const response = await served.api.fetch(`${operationsPath}/${id}`);
    const { links } = (await response.json()) as OperationJson;
    t.is(links['failures'], isBulk ? `${operationsPath}/${id}/failures` : undefined, kind);
    t.deepEqual((await listFailures(id)).items, []);
  }
});

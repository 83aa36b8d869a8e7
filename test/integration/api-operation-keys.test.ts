import { randomUUID } from 'node:crypto';
import test from 'ava';
import { DomainError } from '#domain/errors.ts';
import type { OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { BatchDeletion } from '#domain/ports/file-lifecycle.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
let database: Database;
let started: OperationId[] = [];
let beforeStart: () => Promise<void> = () => Promise.resolve();

test.before(async () => {
  api = await startTestApi(({ lifecycle }, world) => {
    database = world.database;
    const journal = new PostgresOperationJournal(database);
    const open = async (
      operationId: OperationId,
      kind: string,
      startedBy: BatchDeletion['startedBy'],
    ) => {
      started.push(operationId);
      await beforeStart();
      const subject = { type: 'batch', id: operationId };
      const row = { operationId, kind, subject, startedBy, workflowId: null, elementId: null };
      await journal.openOperation({ ...row, workflowId: `batch/${operationId}`, input: null });
    };
    return {
      lifecycle: {
        ...lifecycle,
        async deleteFiles({ operationId, startedBy }) {
          await open(operationId, 'batchDelete', startedBy);
          return operationId;
        },
      },
    };
  });
});
test.afterEach.always(() => {
  started = [];
  beforeStart = () => Promise.resolve();
});
test.after.always(() => api[Symbol.asyncDispose]());

const fileIds = [randomUUID(), randomUUID()];

async function deleteBatch(
  key: string | null,
  options: { readonly ids?: readonly string[]; readonly token?: string } = {},
) {
  const response = await api.fetch('/api/v1/files/batch-delete', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key !== null && { 'idempotency-key': key }),
    },
    body: JSON.stringify({ file_ids: options.ids ?? fileIds }),
    ...(options.token !== undefined && { token: options.token }),
  });
  const body = (await response.json()) as { operation_id: string; code?: string };
  return { status: response.status, body };
}

test.serial(
  'the same key and request give the same operation, which is started once',
  async (t) => {
    const key = randomUUID();
    const first = await deleteBatch(key);
    t.is(first.status, 202);
    const again = await deleteBatch(key);
    t.is(again.status, 202);
    t.is(again.body.operation_id, first.body.operation_id);
    t.deepEqual(started, [first.body.operation_id as OperationId]);
  },
);

test.serial('without a key every request starts an operation', async (t) => {
  const first = await deleteBatch(null);
  const second = await deleteBatch(null);
  t.not(first.body.operation_id, second.body.operation_id);
  t.is(started.length, 2);
});

test.serial('a key is good for one request of one account', async (t) => {
  const key = randomUUID();
  const first = await deleteBatch(key);
  const other = await deleteBatch(key, { ids: [randomUUID()] });
  t.like(other, { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  const reversed = await deleteBatch(key, { ids: fileIds.toReversed() });
  t.is(reversed.status, 422);
  const { token } = await api.createClient('OPERATOR');
  const ofOther = await deleteBatch(key, { token });
  t.is(ofOther.status, 202);
  t.not(ofOther.body.operation_id, first.body.operation_id);
  t.is(started.length, 2);
});

test.serial('what could not be started does not use up its key', async (t) => {
  const key = randomUUID();
  beforeStart = () => Promise.reject(new DomainError('WORKFLOWS_UNAVAILABLE', 'It is away.'));
  t.like(await deleteBatch(key), { status: 503, body: { code: 'WORKFLOWS_UNAVAILABLE' } });
  beforeStart = () => Promise.resolve();
  const answer = await deleteBatch(key);
  t.is(answer.status, 202);
  t.is(started.length, 2);
  t.is((await deleteBatch(key)).body.operation_id, answer.body.operation_id);
  t.is(started.length, 2);
});

test.serial('of many at once one starts it, and the others wait for its answer', async (t) => {
  const key = randomUUID();
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  beforeStart = () => opened;
  const all = Array.from({ length: 10 }, () => deleteBatch(key));
  // One holds the key; the door opens when the others have had a look at it.
  while (started.length === 0) await api.countRows('uploads', 'true');
  open();
  const answers = await Promise.all(all);
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
  t.is(new Set(answers.map(({ body }) => body.operation_id)).size, 1);
  t.is(started.length, 1);
});

test.serial('a key whose request died before its operation stood is taken over', async (t) => {
  const key = randomUUID();
  const { body } = await deleteBatch(key);
  const died = `update operation_keys
    set operation_id = $2, claimed_at = now() - $3::integer * interval '1 millisecond'
    where idempotency_key = $1`;
  const orphan = randomUUID();
  await database.query({ text: died }, [key, orphan, limits.keyClaimMs + 1000]);
  const answer = await deleteBatch(key);
  t.is(answer.status, 202);
  t.is(answer.body.operation_id, orphan);
  t.deepEqual(started, [body.operation_id as OperationId, orphan as string as OperationId]);
});

test.serial('a key that is older than a day is forgotten', async (t) => {
  const key = randomUUID();
  const { body } = await deleteBatch(key);
  const age = `update operation_keys set created_at = now() - $2::integer * interval '1 hour'
    where idempotency_key = $1`;
  await database.query({ text: age }, [key, limits.idempotencyKeyKeptHours - 1]);
  t.is((await deleteBatch(key)).body.operation_id, body.operation_id);
  await database.query({ text: age }, [key, limits.idempotencyKeyKeptHours + 1]);
  t.not((await deleteBatch(key)).body.operation_id, body.operation_id);
});

test.serial('a malformed key: 400, and nothing is started', async (t) => {
  t.like(await deleteBatch('\u00e9'), {
    status: 400,
    body: { code: 'IDEMPOTENCY_KEY_INVALID' },
  });
  t.deepEqual(started, []);
});

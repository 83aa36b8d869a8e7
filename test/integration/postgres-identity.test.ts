import { randomBytes, randomUUID } from 'node:crypto';
import test from 'ava';
import type { ServiceAccount } from '#domain/accounts.ts';
import { operationOfUpload } from '#domain/ids.ts';
import type { ElementId, OperationId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type { SigningKey } from '#domain/ports/identity.ts';
import { PostgresAccountRegistry } from '#infra/postgres/postgres-account-registry.ts';
import { PostgresSigningKeyStore } from '#infra/postgres/postgres-signing-key-store.ts';
import { edit01, openTestCatalogue, testElement } from '#test/support/open-test-catalogue.ts';
import { newAccountId, newFileId, storeFiles, uploadRequest } from '#test/support/stored-files.ts';

function account(change: Partial<ServiceAccount> = {}): ServiceAccount {
  return {
    accountId: newAccountId(),
    name: 'Первый',
    clientId: 'sa_prod_first_00000000',
    role: 'ADMIN',
    scopes: null,
    secretHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
    status: 'active',
    isSystem: true,
    ...change,
  };
}

function newKey(keyId: string = randomUUID()): Omit<SigningKey, 'state'> {
  return {
    keyId,
    algorithm: 'RS256',
    publicJwk: { kty: 'RSA', n: 'public' },
    privateJwk: { kty: 'RSA', d: 'the secret part' },
    createdAt: parseInstant('2025-11-08T10:30:45.123Z')!,
  };
}

test('of accounts that are made at once with one client id one is made', async (t) => {
  await using catalogue = await openTestCatalogue();
  const accounts = new PostgresAccountRegistry(catalogue.orm);
  t.is(await accounts.countAccounts(), 0);
  const made = await Promise.all(
    Array.from({ length: 5 }, () => accounts.createAccount(account())),
  );
  t.is(made.filter(Boolean).length, 1);
  t.is(await accounts.countAccounts(), 1);
  const found = await accounts.findByClientId('sa_prod_first_00000000');
  t.deepEqual(found, { ...account(), accountId: found!.accountId });
  t.deepEqual(await accounts.findAccount(found!.accountId), found);
  t.is(await accounts.findAccount(newAccountId()), null);
  t.is(await accounts.findByClientId('sa_prod_\u0000'), null);
});

test('an account keeps its scopes, and its client id is free again when it is deleted', async (t) => {
  await using catalogue = await openTestCatalogue();
  const accounts = new PostgresAccountRegistry(catalogue.orm);
  const scoped = account({ scopes: ['files:read', 'files:write'] });
  await accounts.createAccount(scoped);
  t.deepEqual(await accounts.findAccount(scoped.accountId), scoped);
  await catalogue.database.query({ text: `update service_accounts set status = 'deleted'` });
  t.is(await accounts.findByClientId(scoped.clientId), null);
  t.true(await accounts.createAccount(account()));
});

test('an account with a role that nobody knows is refused', async (t) => {
  await using catalogue = await openTestCatalogue();
  const accounts = new PostgresAccountRegistry(catalogue.orm);
  await accounts.createAccount(account());
  await catalogue.database.query({ text: `update service_accounts set role = 'EMPEROR'` });
  const error = await t.throwsAsync(accounts.findByClientId(account().clientId));
  t.like(error, { code: 'FORBIDDEN' });
});

test('instances that start at once end up with one signing key', async (t) => {
  await using catalogue = await openTestCatalogue();
  const masterKey = randomBytes(32);
  const stores = Array.from(
    { length: 5 },
    () => new PostgresSigningKeyStore(catalogue.orm, masterKey),
  );
  const keys = await Promise.all(
    stores.map((store) => store.ensureActiveKey(() => Promise.resolve(newKey()))),
  );
  t.is(new Set(keys.map((key) => key.keyId)).size, 1);
  t.deepEqual(await stores[0]!.listKeys(), [keys[0]!]);
  t.deepEqual(keys[0], { ...newKey(keys[0]!.keyId), state: 'active' });
});

test('the private part is not in the database, and opens only with its key and in its row', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { database, orm } = catalogue;
  const masterKey = randomBytes(32);
  const store = new PostgresSigningKeyStore(orm, masterKey);
  const { keyId } = await store.ensureActiveKey(() => Promise.resolve(newKey()));
  const [row] = await database.query<{ private_jwk_encrypted: Buffer }>({
    text: 'select private_jwk_encrypted from signing_keys',
  });
  t.false(row!.private_jwk_encrypted.includes('the secret part'));
  const other = new PostgresSigningKeyStore(orm, randomBytes(32));
  t.like(await t.throwsAsync(other.listKeys()), { code: 'INTERNAL' });
  await database.query({ text: `update signing_keys set key_id = 'moved'` });
  t.like(await t.throwsAsync(store.listKeys()), { code: 'INTERNAL' });
  await database.query({ text: 'update signing_keys set key_id = $1' }, [keyId]);
  t.is((await store.listKeys()).length, 1);
  t.throws(() => new PostgresSigningKeyStore(orm, randomBytes(31)), { instanceOf: RangeError });
});

test('the active key comes first', async (t) => {
  await using catalogue = await openTestCatalogue();
  const store = new PostgresSigningKeyStore(catalogue.orm, randomBytes(32));
  await store.ensureActiveKey(() => Promise.resolve(newKey('b')));
  await catalogue.database.query({ text: `update signing_keys set state = 'verifying'` });
  await store.ensureActiveKey(() => Promise.resolve(newKey('c')));
  const keys = await store.listKeys();
  t.deepEqual(
    keys.map(({ keyId, state }) => [keyId, state]),
    [
      ['c', 'active'],
      ['b', 'verifying'],
    ],
  );
});

test('elements are registered once and listed by mode, priority and id', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { elements } = catalogue;
  const late = testElement('edit-00' as ElementId, { priority: 200 });
  const early = testElement('edit-09' as ElementId, { priority: 1 });
  await Promise.all([late, early, late, early].map((element) => elements.registerElement(element)));
  await elements.registerElement({ ...late, name: 'changed' });
  const list = await elements.listElements();
  t.deepEqual(
    list.map((element) => element.elementId as string),
    ['edit-09', 'edit-01', 'edit-00', 'rw-01'],
  );
  t.deepEqual(await elements.findElement(late.elementId), {
    ...late,
    usedBytes: 0,
    reservedBytes: 0,
  });
  t.is(await elements.findElement('none' as ElementId), null);
});

test('an upload is its own operation', async (t) => {
  await using catalogue = await openTestCatalogue();
  const { operations, uploads } = catalogue;
  const request = uploadRequest();
  await uploads.openUpload(request);
  const operationId = operationOfUpload(request.fileId);
  const pending = await operations.findOperation(operationId);
  t.deepEqual(pending?.subject, { type: 'file', id: request.fileId });
  t.like(pending, {
    operationId,
    kind: 'storeFiles',
    state: 'pending',
    error: null,
    startedBy: request.accountId,
    workflowId: null,
    finishedAt: null,
  });
  const failure = { code: 'CHECKSUM_MISMATCH', detail: 'Wrong digest.' } as const;
  await uploads.failUploads([request.fileId], ['receiving'], failure);
  t.like(await operations.findOperation(operationId), { state: 'failed', error: failure });
  const [stored] = await storeFiles(uploads, [{}]);
  const completed = await operations.findOperation(operationOfUpload(stored!.fileId));
  t.is(completed?.state, 'completed');
  t.regex(completed!.workflowId!, /^store-files\/[0-9a-f-]{36}$/);
  t.regex(completed!.finishedAt!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/);
  t.is(await operations.findOperation(operationOfUpload(newFileId())), null);
});

test('an operation of another kind is found as it stands', async (t) => {
  await using catalogue = await openTestCatalogue();
  const operationId = randomUUID() as OperationId;
  await catalogue.database.query(
    {
      text: `insert into operations (operation_id, kind, state, progress, subject_type, subject_id,
          started_by, workflow_id)
        values ($1, 'rebuildCatalogue', 'running', '{"done":1,"failed":0,"skipped":0,"total":2}',
          'element', $2, $3, 'rebuild-catalogue/edit-01')`,
    },
    [operationId, edit01, newAccountId()],
  );
  t.like(await catalogue.operations.findOperation(operationId), {
    kind: 'rebuildCatalogue',
    state: 'running',
    progress: { done: 1, failed: 0, skipped: 0, total: 2 },
    subject: { type: 'element', id: 'edit-01' },
    error: null,
  });
});

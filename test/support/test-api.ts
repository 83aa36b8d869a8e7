import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiPorts } from '#api/dependencies.ts';
import { createServer, type ApiServer } from '#api/server.ts';
import type { Role, Scope } from '#domain/access/access.ts';
import type { AccountId, ElementId } from '#domain/ids.ts';
import { instantFromMillis } from '#domain/instant.ts';
import { createArgon2SecretHasher } from '#infra/argon2/argon2-secret-hasher.ts';
import { registerElementDirectory } from '#infra/filesystem/element-marker.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { createFilesystemElementDirectories } from '#infra/filesystem/filesystem-element-directories.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { createTemplateChecker } from '#infra/json-schema/template-checker.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool, type Database } from '#infra/postgres/open-pool.ts';
import { PostgresAccountRegistry } from '#infra/postgres/postgres-account-registry.ts';
import { PostgresFileSearch, searchPoolOptions } from '#infra/postgres/postgres-file-search.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { createOutboxListener } from '#infra/postgres/outbox-listener.ts';
import { createPostgresHealth } from '#infra/postgres/postgres-health.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { PostgresOperationKeys } from '#infra/postgres/postgres-operation-keys.ts';
import { PostgresOperationRegistry } from '#infra/postgres/postgres-operation-registry.ts';
import { PostgresOutbox } from '#infra/postgres/postgres-outbox.ts';
import { PostgresSigningKeyStore } from '#infra/postgres/postgres-signing-key-store.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresTemplateRegistry } from '#infra/postgres/postgres-template-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { createLogger } from '#infra/telemetry/logger.ts';
import { createTestDatabase } from '#test/support/test-database.ts';
import { createTestLifecycle } from '#test/support/test-lifecycle.ts';

const capacityBytes = 100_000_000_000;

export interface TestClient {
  readonly accountId: AccountId;
  readonly clientId: string;
  readonly secret: string;
  readonly token: string;
}

export interface TestApi extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly ports: ApiPorts;
  readonly server: ApiServer;
  readonly database: Database;
  /** Root directory of an element. */
  readonly rootOf: (elementId: string) => string;
  /** What the log of the server says, entry by entry. */
  readonly log: readonly Record<string, unknown>[];
  createClient(role: Role, scopes?: readonly Scope[] | null): Promise<TestClient>;
  /** With the token of an ADMIN unless another one (or null) is given. */
  fetch(path: string, init?: RequestInit & { token?: string | null }): Promise<Response>;
  /** Names in the staging areas of all elements. */
  listStaged(): Promise<string[]>;
  countRows(table: 'uploads' | 'files', where?: string): Promise<number>;
}

export interface TestApiOptions {
  /** One of mode `edit` and one of mode `rw`; names of their own where Temporal's queues are real. */
  readonly elementIds?: readonly [edit: string, rw: string];
  readonly deletionGraceMs?: number;
}

/** What an adapter for a port of the test can be made of. */
export interface TestWorld {
  readonly database: Database;
  readonly databaseUrl: string;
}

/** The real server on a port of its own, with a database and elements of its own. */
export async function startTestApi(
  replace: (
    ports: ApiPorts,
    world: TestWorld,
  ) => Partial<ApiPorts> | Promise<Partial<ApiPorts>> = () => ({}),
  options: TestApiOptions = {},
): Promise<TestApi> {
  const { elementIds = ['edit-01', 'rw-01'], deletionGraceMs = 0 } = options;
  const base = await mkdtemp(join(tmpdir(), 'artstore-api-'));
  const database = await createTestDatabase();
  const pool = openPool({ url: database.url, applicationName: 'artstore-test', poolSize: 10 });
  const searchPool = openPool({
    url: database.url,
    applicationName: 'artstore-test-search',
    poolSize: 4,
    ...searchPoolOptions,
  });
  const orm = await openOrm(database.url, 'artstore-test-orm');
  const listener = createOutboxListener({ url: database.url, applicationName: 'artstore-test' });
  const elements = new PostgresStorageElementRegistry(orm);
  for (const [index, id] of elementIds.entries()) {
    const mode = index === 0 ? 'edit' : 'rw';
    const elementId = id as ElementId;
    const path = join(base, id);
    await registerElementDirectory(path, elementId, instantFromMillis(Date.now()));
    await elements.registerElement({
      elementId,
      name: id,
      type: 'filesystem',
      mode,
      priority: 100,
      capacityBytes,
      location: { path },
      status: 'online',
    });
  }
  const uploads = new PostgresUploadRegistry(pool);
  const templates = new PostgresTemplateRegistry(pool);
  const elementAccess = createFilesystemElementAccess(elements);
  const original: ApiPorts = {
    catalogue: new PostgresFileCatalogue(pool),
    cache: null,
    search: new PostgresFileSearch(searchPool),
    searchIndex: null,
    searchMaintenance: { startReindex: () => Promise.resolve() },
    feed: new PostgresOutbox(pool, listener),
    uploads,
    operations: new PostgresOperationRegistry(pool),
    operationKeys: new PostgresOperationKeys(pool),
    elements,
    elementAccess,
    elementDirectories: createFilesystemElementDirectories(),
    elementMaintenance: {
      startRebuild: () => Promise.resolve(),
      startReconciliation: () => Promise.resolve(),
    },
    migrations: {
      startMigration: () => Promise.resolve(),
      startRetry: () => Promise.resolve(),
      startRevert: () => Promise.resolve(),
      pauseOperation: () => Promise.resolve(),
      resumeOperation: () => Promise.resolve(),
      changePace: () => Promise.resolve(),
    },
    migrationRuns: { readReport: () => Promise.resolve(null) },
    failures: new PostgresOperationFailures(pool),
    lifecycle: createTestLifecycle({ uploads, elementAccess, database: pool }),
    accounts: new PostgresAccountRegistry(orm),
    signingKeys: new PostgresSigningKeyStore(orm, randomBytes(32)),
    secrets: createArgon2SecretHasher(),
    codec: openAttributesCodec(),
    templates,
    templateChecker: createTemplateChecker(templates),
    components: [createPostgresHealth(pool)],
  };
  const world = { database: pool, databaseUrl: database.url };
  const ports = { ...original, ...(await replace(original, world)) };
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({
    name: 'api',
    level: 'debug',
    destination: { write: (line: string) => void log.push(JSON.parse(line)) },
  });
  const server = createServer({
    ports,
    settings: {
      publicUrl: null,
      workflowPageUrl: (id) => `http://temporal.test/${id}`,
      cursorKey: randomBytes(32),
      instanceName: 'api-test',
      deletionGraceMs,
    },
    logger,
  });
  await new Promise<void>((resolve) => {
    server.httpServer.listen(0, '127.0.0.1', resolve);
  });
  await server.prepare();
  const { port } = server.httpServer.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const rootOf = (elementId: string) => join(base, elementId);
  let admin: Promise<TestClient> | null = null;

  const api: TestApi = {
    url,
    port,
    ports,
    server,
    database: pool,
    rootOf,
    log,
    async createClient(role, scopes = null) {
      const secret = randomBytes(32).toString('base64url');
      const accountId = randomUUID() as string as AccountId;
      const clientId = `sa_dev_test_${randomBytes(4).toString('hex')}`;
      await original.accounts.createAccount({
        accountId,
        name: `tester-${role.toLowerCase()}`,
        clientId,
        role,
        scopes,
        secretHash: await original.secrets.hashSecret(secret),
        status: 'active',
        isSystem: false,
      });
      const response = await fetch(`${url}/api/v1/auth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: secret,
        }),
      });
      const { access_token: token } = (await response.json()) as { access_token: string };
      return { accountId, clientId, secret, token };
    },
    async fetch(path, { token, ...init } = {}) {
      if (token === undefined) admin ??= api.createClient('ADMIN');
      const bearer = token === undefined ? ((await admin)?.token ?? null) : token;
      const headers = new Headers(init.headers);
      if (bearer !== null) headers.set('Authorization', `Bearer ${bearer}`);
      return fetch(`${url}${path}`, { ...init, headers });
    },
    async listStaged() {
      const roots = elementIds.map(rootOf);
      const names = await Promise.all(
        roots.map((root) => readdir(join(root, '.artstore', 'staging'))),
      );
      return names.flat();
    },
    async countRows(table, where = 'true') {
      const rows = await pool.query<{ count: number }>({
        text: `select count(*)::int as count from ${table} where ${where}`,
      });
      return rows[0]?.count ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await server.drain();
      await searchPool[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
      await orm.close(true);
      await database.dispose();
      await rm(base, { recursive: true, force: true });
    },
  };
  return api;
}

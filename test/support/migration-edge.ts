import { createFakeMigrations, type FakeMigrations } from '#test/support/fake-migrations.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

export const migrationsPath = '/api/v1/migrations';

/** The least that a request must say. */
export const soundRequest = { source_version: '1.0', target_version: '2.0' };

export interface MigrationBody {
  readonly operation_id: string;
  readonly code?: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
  readonly items?: readonly { readonly operation_id: string; readonly file_id?: string }[];
  readonly next_cursor?: string | null;
  readonly [member: string]: unknown;
}

export interface MigrationAnswer {
  readonly status: number;
  readonly body: MigrationBody;
  readonly location: string | null;
}

export interface SentBody {
  /** Text is sent as it is, everything else as JSON. */
  readonly sent?: unknown;
  readonly headers?: object;
}

/** The real server in front of runs that are only written down. */
export interface MigrationEdge extends AsyncDisposable {
  readonly api: TestApi;
  readonly migrations: FakeMigrations;
  ask(method: string, url: string, body?: SentBody): Promise<MigrationAnswer>;
  /** A sound request with changes. */
  start(change?: object): Promise<MigrationAnswer>;
  /** @returns the run's id */
  startRun(change?: object): Promise<string>;
  endRun(id: string): Promise<void>;
}

export async function startMigrationEdge(): Promise<MigrationEdge> {
  const made: { migrations?: FakeMigrations } = {};
  const api = await startTestApi((_, { database }) => {
    const migrations = createFakeMigrations(database);
    made.migrations = migrations;
    return {
      migrations: migrations.lifecycle,
      migrationRuns: {
        readReport: (operationId) => Promise.resolve(migrations.reports.get(operationId) ?? null),
      },
    };
  });
  const { migrations } = made;
  if (migrations === undefined) throw new Error('the ports were not replaced');
  const edge: MigrationEdge = {
    api,
    migrations,
    async ask(method, url, { sent, headers = {} } = {}) {
      const body = typeof sent === 'string' ? sent : JSON.stringify(sent);
      const response = await api.fetch(url, {
        method,
        headers: { ...(sent !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(sent !== undefined && { body }),
      });
      const answer = (await response.json()) as MigrationBody;
      return { status: response.status, body: answer, location: response.headers.get('location') };
    },
    start: (change = {}) =>
      edge.ask('POST', migrationsPath, { sent: { ...soundRequest, ...change } }),
    async startRun(change) {
      const { status, body } = await edge.start(change);
      if (status !== 202) throw new Error(JSON.stringify(body));
      return body.operation_id;
    },
    async endRun(id) {
      const text = `update operations set state = 'completed', finished_at = now()
        where operation_id = $1`;
      await api.database.query({ text }, [id]);
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
  return edge;
}

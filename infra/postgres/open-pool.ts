import { Pool } from 'pg';
import { isRepeatable, translateDatabaseError } from './database-errors.ts';
import { columnTypes } from './column-types.ts';

export interface PoolOptions {
  readonly url: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly poolSize: number;
  /** After this the server ends a statement. */
  readonly statementTimeoutMs?: number;
  /** Settings of the server for these connections. */
  readonly serverSettings?: Readonly<Record<string, string>>;
}

/** A statement with a name is parsed and planned once per connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

/**
 * Connections to the catalogue. A connection that breaks is thrown away and the next query opens
 * a new one, so the process outlives any restart of PostgreSQL.
 */
export interface Database extends AsyncDisposable {
  /**
   * Runs one statement, which is its own transaction.
   * @throws DomainError `CATALOGUE_UNAVAILABLE` when the database does not answer: whether the
   *   statement took effect is then unknown.
   */
  query<Row extends object>(
    statement: Statement,
    values?: readonly unknown[],
  ): Promise<readonly Row[]>;
}

const timeouts = {
  connectMs: 5_000,
  idleMs: 60_000,
  statementMs: 10_000,
  lockMs: 5_000,
  /** Longer than the server's own limit: it ends a query whose server is gone without a word. */
  answerMs: 15_000,
  keepAliveMs: 10_000,
} as const;

const serverSettings = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  // Every statement goes by an index. Without the setting, a plan made while a table was still
  // empty would read it from end to end, and would be kept while the table grows.
  enable_seqscan: 'off',
} as const;

const deadlockTries = 4;

export function openPool(options: PoolOptions): Database {
  const pool = new Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.poolSize,
    connectionTimeoutMillis: timeouts.connectMs,
    idleTimeoutMillis: timeouts.idleMs,
    statement_timeout: options.statementTimeoutMs ?? timeouts.statementMs,
    lock_timeout: timeouts.lockMs,
    query_timeout: timeouts.answerMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: timeouts.keepAliveMs,
    types: columnTypes,
    options: Object.entries({ ...serverSettings, ...options.serverSettings })
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  });
  // Idle connections that the server ends: the pool has dropped them already, and the next query
  // tells the caller when there is no server any more.
  pool.on('error', () => {});
  return {
    async query<Row extends object>(statement: Statement, values: readonly unknown[] = []) {
      for (let tries = 1; ; tries += 1) {
        try {
          const result = await pool.query<Row>({ ...statement, values: [...values] });
          return result.rows;
        } catch (error) {
          if (isRepeatable(error) && tries < deadlockTries) continue;
          throw translateDatabaseError(error);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await pool.end();
    },
  };
}

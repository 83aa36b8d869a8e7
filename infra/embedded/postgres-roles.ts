import { createHmac } from 'node:crypto';

/** `postgres` administers, the others own what their name says. */
export type PostgresRole = 'postgres' | 'artstore' | 'temporal';

export interface PostgresAccess {
  readonly port: number;
  passwordOf(role: PostgresRole): string;
  urlOf(role: PostgresRole, database: string): string;
}

/** Each role's password is derived from one secret of the data directory. */
export function createPostgresAccess(port: number, secret: string): PostgresAccess {
  function passwordOf(role: PostgresRole): string {
    return createHmac('sha256', secret).update(role).digest('hex');
  }
  return {
    port,
    passwordOf,
    urlOf(role, database) {
      return `postgres://${role}:${passwordOf(role)}@127.0.0.1:${port}/${database}`;
    },
  };
}

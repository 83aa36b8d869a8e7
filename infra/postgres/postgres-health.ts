import type { ComponentHealth } from '#domain/ports/component-health.ts';
import type { Database } from './open-pool.ts';

/** Also notices a database whose schema is not there. */
const probe = { name: 'probe', text: 'select from storage_elements limit 1' };

export function createPostgresHealth(database: Database): ComponentHealth {
  return {
    name: 'postgres',
    isRequired: true,
    async check(signal) {
      signal.throwIfAborted();
      await database.query(probe);
    },
  };
}

import { Migration0001Foundation } from './migration-0001-foundation.ts';

/** Every migration by its name, in the order in which they run. A released one never changes. */
export const migrations = [{ name: '0001-foundation', class: Migration0001Foundation }];

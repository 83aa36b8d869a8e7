import { Migration0001Foundation } from './migration-0001-foundation.ts';
import { Migration0002Changes } from './migration-0002-changes.ts';
import { Migration0003Search } from './migration-0003-search.ts';

/** Every migration by its name, in the order in which they run. A released one never changes. */
export const migrations = [
  { name: '0001-foundation', class: Migration0001Foundation },
  { name: '0002-changes', class: Migration0002Changes },
  { name: '0003-search', class: Migration0003Search },
];

import { Migration0001Foundation } from './migration-0001-foundation.ts';
import { Migration0002Changes } from './migration-0002-changes.ts';
import { Migration0003Search } from './migration-0003-search.ts';
import { Migration0004Bulk } from './migration-0004-bulk.ts';
import { Migration0005Rebuild } from './migration-0005-rebuild.ts';
import { Migration0006Migrations } from './migration-0006-migrations.ts';
import { Migration0008Templates } from './migration-0008-templates.ts';
import { Migration0009OperationKeys } from './migration-0009-operation-keys.ts';

/** Every migration by its name, in the order in which they run. A released one never changes. */
export const migrations = [
  { name: '0001-foundation', class: Migration0001Foundation },
  { name: '0002-changes', class: Migration0002Changes },
  { name: '0003-search', class: Migration0003Search },
  { name: '0004-bulk', class: Migration0004Bulk },
  { name: '0005-rebuild', class: Migration0005Rebuild },
  { name: '0006-migrations', class: Migration0006Migrations },
  { name: '0008-templates', class: Migration0008Templates },
  { name: '0009-operation-keys', class: Migration0009OperationKeys },
];

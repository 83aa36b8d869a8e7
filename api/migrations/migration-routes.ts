import { changePace } from '#api/migrations/change-pace.ts';
import {
  listMigrationFailures,
  listMigrations,
  showMigration,
} from '#api/migrations/read-migrations.ts';
import { retryMigration, revertMigration, startMigration } from '#api/migrations/run-migration.ts';
import type { Route } from '#api/route.ts';

export const migrationRoutes: readonly Route[] = [
  startMigration,
  listMigrations,
  showMigration,
  changePace,
  listMigrationFailures,
  retryMigration,
  revertMigration,
];

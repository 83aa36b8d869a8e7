import { findOperation } from '#api/operations/find-operation.ts';
import type { Call } from '#api/route.ts';
import { DomainError } from '#domain/errors.ts';
import type { MigrationReport } from '#domain/migrations/migration-run.ts';
import type { Operation } from '#domain/operations.ts';

export const migrationKind = 'migrateAttributes';

/** @throws OPERATION_NOT_FOUND, for operations of other kinds too */
export async function findMigration(call: Call<{ operation_id: string }>): Promise<Operation> {
  const operation = await findOperation(call);
  if (operation.kind === migrationKind) return operation;
  throw notFound();
}

/** @throws OPERATION_NOT_FOUND */
export async function findReport(
  { services }: Call,
  { operationId }: Operation,
): Promise<MigrationReport> {
  const report = await services.ports.migrationRuns.readReport(operationId);
  if (report === null) throw notFound();
  return report;
}

function notFound(): DomainError {
  return new DomainError('OPERATION_NOT_FOUND', 'There is no migration with this id.');
}

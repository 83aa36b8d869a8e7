import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { TemplateId } from '#domain/templates/template-name.ts';
import { createTemplateChecker } from '#infra/json-schema/template-checker.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { PostgresMigrationFiles } from '#infra/postgres/postgres-migration-files.ts';
import { PostgresMigrationRuns } from '#infra/postgres/postgres-migration-runs.ts';
import { PostgresTemplateRegistry } from '#infra/postgres/postgres-template-registry.ts';
import type { ElementWorkerOptions } from './element-worker.ts';

/** What bulk migrations need beside the element; their `runs` are the catalogue's work too. */
export function composeMigrate(
  database: Database,
  codec: AttributesCodec,
): NonNullable<ElementWorkerOptions['migrate']> & { readonly runs: PostgresMigrationRuns } {
  const checker = createTemplateChecker(new PostgresTemplateRegistry(database));
  return {
    runs: new PostgresMigrationRuns(database),
    files: new PostgresMigrationFiles(database),
    codec,
    // The API has made sure that it is one of ours; a name that is none is not registered.
    findFaults: (template, customAttributes) =>
      checker.findFaults(template as TemplateId, customAttributes),
  };
}

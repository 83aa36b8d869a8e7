import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import { sha256Hex } from '#infra/filesystem/sidecar-writer.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { PostgresCatalogueRebuild } from '#infra/postgres/postgres-catalogue-rebuild.ts';
import { PostgresElementRows } from '#infra/postgres/postgres-element-rows.ts';
import { PostgresOperationFailures } from '#infra/postgres/postgres-operation-failures.ts';
import { PostgresOperationRegistry } from '#infra/postgres/postgres-operation-registry.ts';
import type { ElementWorkerOptions } from './element-worker.ts';

/** What the reconciliation of an element needs beside the element. */
export function composeReconcile(
  database: Database,
  codec: AttributesCodec,
): NonNullable<ElementWorkerOptions['reconcile']> {
  return {
    rows: new PostgresElementRows(database),
    rebuild: new PostgresCatalogueRebuild(database),
    failures: new PostgresOperationFailures(database),
    operations: new PostgresOperationRegistry(database),
    codec,
    sha256Hex,
  };
}

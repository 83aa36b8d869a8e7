/**
 * The workers of migrations in a process of their own, to be killed: it stops for good at the named
 * point of a chunk and says so.
 *
 *   node test/support/migration-process.ts '{"databaseUrl": …, "stopAt": …, "visit": …}'
 */
import { readFile } from 'node:fs/promises';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { ElementId } from '#domain/ids.ts';
import type { ElementAccess, ObjectStore } from '#domain/ports/object-store.ts';
import { createFilesystemElementAccess } from '#infra/filesystem/filesystem-element-access.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { openElementLock } from '#infra/postgres/element-lock.ts';
import { openOrm } from '#infra/postgres/open-orm.ts';
import { openPool } from '#infra/postgres/open-pool.ts';
import { PostgresFileCatalogue } from '#infra/postgres/postgres-file-catalogue.ts';
import { PostgresFileChanges } from '#infra/postgres/postgres-file-changes.ts';
import { PostgresMigrationFiles } from '#infra/postgres/postgres-migration-files.ts';
import { PostgresMigrationRuns } from '#infra/postgres/postgres-migration-runs.ts';
import { PostgresOperationJournal } from '#infra/postgres/postgres-operation-journal.ts';
import { PostgresStorageElementRegistry } from '#infra/postgres/postgres-storage-element-registry.ts';
import { PostgresUploadRegistry } from '#infra/postgres/postgres-upload-registry.ts';
import { createTemporalWorkflowDirectory } from '#infra/temporal/temporal-workflow-directory.ts';
import { installQuietRuntime, quietLogger } from '#test/support/element-harness.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runCatalogueWorker } from '#workers/catalogue-worker.ts';
import { runElementWorker } from '#workers/element-worker.ts';

/** Each step of a chunk, after it or in its middle. */
export const chunkPoints = [
  'after claimChunk',
  'after readSidecar',
  'after keepOriginals',
  'inside writeSidecars',
  'after writeSidecars',
  'after recordChunk',
] as const;
export type ChunkPoint = (typeof chunkPoints)[number];

export interface MigrationProcessOrder {
  readonly databaseUrl: string;
  readonly elementId: ElementId;
  readonly taskQueue: string;
  readonly bundlePath: string;
  readonly stopAt: ChunkPoint;
  /** The how-many-th time it comes there. */
  readonly visit: number;
}

if (import.meta.main) await serve(JSON.parse(process.argv[2] ?? '') as MigrationProcessOrder);

async function serve(order: MigrationProcessOrder): Promise<void> {
  const { databaseUrl, elementId } = order;
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  installQuietRuntime();
  const connection = await NativeConnection.connect({ address });
  const applicationName = 'artstore-test-migration';
  const database = openPool({ url: databaseUrl, applicationName, poolSize: 8 });
  const orm = await openOrm(databaseUrl, applicationName);
  const stop = createStop(order);
  const runs = new PostgresMigrationRuns(database);
  const elements = createFilesystemElementAccess(new PostgresStorageElementRegistry(orm));
  const shared = {
    connection,
    namespace,
    workflowBundle: { code: await readFile(order.bundlePath, 'utf8'), sourceMap: '' },
    changes: new PostgresFileChanges(database),
    journal: new PostgresOperationJournal(database),
    logger: quietLogger,
    signal: new AbortController().signal,
  };
  await Promise.all([
    runCatalogueWorker({
      ...shared,
      taskQueue: order.taskQueue,
      catalogue: new PostgresFileCatalogue(database),
      migrate: { runs },
    }),
    runElementWorker({
      ...shared,
      elementId,
      registry: new PostgresUploadRegistry(database),
      elements: withStops(elements, stop),
      directory: createTemporalWorkflowDirectory(new Client({ connection, namespace }).workflow),
      openLock: (id, signal) => openElementLock(databaseUrl, id, { signal }),
      migrate: {
        runs,
        files: filesWithStops(new PostgresMigrationFiles(database), stop),
        codec: openAttributesCodec(),
      },
      onServing: () => process.send?.('serving'),
    }),
  ]);
}

type Stop = (point: ChunkPoint) => Promise<void>;

function createStop({ stopAt, visit }: MigrationProcessOrder): Stop {
  let visits = 0;
  return async (point) => {
    if (point !== stopAt) return;
    visits += 1;
    if (visits < visit) return;
    if (visits === visit) process.send?.('reached');
    await new Promise(() => {});
  };
}

function filesWithStops(files: PostgresMigrationFiles, stop: Stop): PostgresMigrationFiles {
  const claim = files.claimChunk.bind(files);
  const keep = files.keepOriginals.bind(files);
  const findClaimed = files.findClaimed.bind(files);
  const record = files.recordChunk.bind(files);
  files.claimChunk = async (...input) => {
    const claimed = await claim(...input);
    if (claimed.length > 0) await stop('after claimChunk');
    return claimed;
  };
  files.keepOriginals = async (...input) => {
    const kept = await keep(...input);
    await stop('after keepOriginals');
    return kept;
  };
  // A revert has its originals already: this is where it makes sure of its claims.
  files.findClaimed = async (...input) => {
    const claimed = await findClaimed(...input);
    await stop('after keepOriginals');
    return claimed;
  };
  files.recordChunk = async (...input) => {
    const recording = await record(...input);
    if (input[1].claims.length > 0) await stop('after recordChunk');
    return recording;
  };
  return files;
}

function withStops(elements: ElementAccess, stop: Stop): ElementAccess {
  return {
    async openElement(elementId) {
      const element = await elements.openElement(elementId);
      const changed: Pick<ObjectStore, 'readSidecar' | 'writeSidecars'> = {
        async readSidecar(location) {
          const bytes = await element.readSidecar(location);
          await stop('after readSidecar');
          return bytes;
        },
        async writeSidecars(items) {
          const half = Math.ceil(items.length / 2);
          const first = await element.writeSidecars(items.slice(0, half));
          await stop('inside writeSidecars');
          const second = await element.writeSidecars(items.slice(half));
          await stop('after writeSidecars');
          return [...first, ...second];
        },
      };
      return { ...element, ...changed };
    },
  };
}

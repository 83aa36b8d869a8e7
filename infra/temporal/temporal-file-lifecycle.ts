import type { FileChanges } from '#domain/ports/file-changes.ts';
import type { FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import { createChangeLifecycle, type Journal } from './change-lifecycle.ts';
import { createDeletionLifecycle } from './deletion-lifecycle.ts';
import { createOperationCanceller } from './operation-canceller.ts';
import { openTemporalAvailability } from './temporal-availability.ts';
import type { TemporalConnection } from './temporal-connection.ts';
import { createUpdateSender } from './update-sender.ts';
import { createUploadLifecycle } from './upload-lifecycle.ts';

/** Whatever changes files is a workflow; each kind of change has a file of its own beside this one. */
export async function openTemporalFileLifecycle(options: {
  readonly connection: TemporalConnection;
  readonly registry: Pick<UploadRegistry, 'stageUploads' | 'failUploads' | 'findUploads'>;
  readonly changes: Pick<
    FileChanges,
    'openAttributesChange' | 'openDeletion' | 'openBatchDeletion'
  >;
  readonly journal: Journal;
  /** Tests have queues of their own. */
  readonly catalogueTaskQueue?: string;
}): Promise<FileLifecycle & AsyncDisposable> {
  const { connection, changes, journal } = options;
  const { client } = connection;
  const availability = await openTemporalAvailability(connection);
  const sender = createUpdateSender(client, availability);
  const parts = { ...options, client, availability, sender, changes, journal };
  return {
    ...createUploadLifecycle(parts),
    ...createChangeLifecycle(parts),
    ...createDeletionLifecycle(parts),
    ...createOperationCanceller(client, journal),
    isAvailable: () => availability.isAvailable(),
    [Symbol.asyncDispose]: () => availability[Symbol.asyncDispose](),
  };
}

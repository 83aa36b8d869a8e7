import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { DomainError } from '#domain/errors.ts';
import type { OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { FileChanges } from '#domain/ports/file-changes.ts';
import type { BatchDeletion, Deletion, FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import type { OperationStanding } from '#domain/ports/operation-journal.ts';
import {
  batchWorkflowId,
  catalogueTaskQueue,
  deleteFileWorkflowId,
  elementTaskQueue,
  phases,
  searchAttributes,
  updateNames,
  workflowTypes,
  type BatchDeleteInput,
  type BatchDeleteResult,
  type DeleteFileInput,
  type TombstoneResult,
} from '#workflows/messages.ts';
import { notHandedOver, takeBack, type Journal } from './change-lifecycle.ts';
import { describeChange } from './change-search-attributes.ts';
import { createRowWatcher } from './row-watcher.ts';
import type { TemporalAvailability } from './temporal-availability.ts';
import { hasEnded, isUnavailable, type UpdateSender } from './update-sender.ts';

/** A deletion of the same file that is just ending: until it has, no other can start. */
const retryPauseMs = 100;
/** How often somebody else's refused deletion is not taken for ours. */
const joinTries = 3;

interface Parts {
  readonly client: Client;
  readonly availability: Pick<TemporalAvailability, 'report'>;
  readonly sender: UpdateSender;
  readonly changes: Pick<FileChanges, 'openDeletion' | 'openBatchDeletion'>;
  readonly journal: Journal;
  /** Tests have queues of their own. */
  readonly catalogueTaskQueue?: string;
}

export function createDeletionLifecycle(
  parts: Parts,
): Pick<FileLifecycle, 'deleteFile' | 'deleteFiles'> {
  const { changes, journal } = parts;
  const watcher = createRowWatcher<OperationId, OperationStanding>({
    findRows: (operationIds) => journal.findStandings(operationIds),
    idOf: ({ operationId }) => operationId,
    isAwaited: ({ state }) => state === 'pending',
  });

  async function standingOf(operationId: OperationId, deadlineAt: number) {
    const standing = await watcher.waitFor(operationId, deadlineAt);
    if (standing === null || standing === 'missing') throw unavailable();
    // It is running from the moment in which readers no longer find the file.
    if (standing.error === null) return null;
    return standing.error;
  }

  /** @returns why the file was not hidden from readers; null when it is. */
  async function tombstone(deletion: Deletion) {
    const deadlineAt = Date.now() + limits.storeDeadlineMs;
    const startBy = Date.now() + limits.startDeadlineMs;
    const { operationId } = deletion;
    for (;;) {
      const sent = await parts.sender.send<TombstoneResult>(describeDeletion(deletion), deadlineAt);
      const result =
        sent.kind === 'already-started'
          ? await joinDeletion(parts.client, deletion, deadlineAt)
          : sent.kind === 'answered'
            ? sent.result
            : null;
      if (result?.ofOperation === operationId) {
        return result.kind === 'tombstoned' ? null : result;
      }
      if (sent.kind === 'unknown' || Date.now() + retryPauseMs > startBy) break;
      await sleep(retryPauseMs);
    }
    await takeBack(journal, operationId);
    const failure = await standingOf(operationId, deadlineAt);
    return failure === null ? null : { failure };
  }

  return {
    async deleteFile(deletion) {
      const workflowId = deleteFileWorkflowId(deletion.fileId);
      for (let tries = 1; ; tries += 1) {
        const { operationId, isNew } = await changes.openDeletion(deletion, workflowId);
        const refusal = await tombstone({ ...deletion, operationId });
        if (refusal === null) return operationId;
        // That somebody else was refused says nothing about this caller.
        if (isNew || tries >= joinTries) throw toError(refusal);
      }
    },

    async deleteFiles(batch) {
      const workflowId = batchWorkflowId(batch.operationId);
      const items = batch.fileIds.map((fileId) => ({
        fileId,
        operationId: randomUUID() as string as OperationId,
      }));
      await changes.openBatchDeletion(batch, { workflowId, items });
      if (!(await startBatch(parts, batch))) await takeBack(journal, batch.operationId);
      return batch.operationId;
    },
  };
}

function describeDeletion(deletion: Deletion) {
  const { operationId, fileId, elementId, graceMs } = deletion;
  const input: DeleteFileInput = { operationId, fileId, graceMs };
  const workflowType = workflowTypes.deleteFile;
  return {
    workflowType,
    workflowId: deleteFileWorkflowId(fileId),
    taskQueue: elementTaskQueue(elementId),
    reusePolicy: 'ALLOW_DUPLICATE' as const,
    input,
    updateName: updateNames.tombstone,
    updateId: operationId,
    searchAttributes: describeChange({ ...deletion, workflowType }),
  };
}

/** @returns null when the deletion that was running has ended meanwhile. */
async function joinDeletion(
  client: Client,
  { fileId, operationId }: Deletion,
  deadlineAt: number,
): Promise<TombstoneResult | null> {
  const handle = client.workflow.getHandle(deleteFileWorkflowId(fileId));
  try {
    return await client.withDeadline(deadlineAt, () =>
      handle.executeUpdate<TombstoneResult, []>(updateNames.tombstone, {
        updateId: operationId,
        args: [],
      }),
    );
  } catch (error) {
    if (hasEnded(error) || isUnavailable(error) || Date.now() >= deadlineAt) return null;
    throw error;
  }
}

/** @returns false when it is not known whether it was started. */
async function startBatch(parts: Parts, batch: BatchDeletion): Promise<boolean> {
  const { client, availability } = parts;
  const startBy = Date.now() + limits.startDeadlineMs;
  const input: BatchDeleteInput = { operationId: batch.operationId };
  for (;;) {
    try {
      await client.withDeadline(startBy, () =>
        client.workflow.start<(input: BatchDeleteInput) => Promise<BatchDeleteResult>>(
          workflowTypes.batchDelete,
          {
            workflowId: batchWorkflowId(batch.operationId),
            taskQueue: parts.catalogueTaskQueue ?? catalogueTaskQueue,
            args: [input],
            workflowIdConflictPolicy: 'FAIL',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
            typedSearchAttributes: new TypedSearchAttributes([
              { key: searchAttributes.fileIds, value: [...batch.fileIds] },
              { key: searchAttributes.actor, value: batch.startedBy },
              { key: searchAttributes.operation, value: workflowTypes.batchDelete },
              { key: searchAttributes.phase, value: phases.running },
            ]),
          },
        ),
      );
      availability.report(true);
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return true;
      if (isUnavailable(error)) availability.report(false);
      if (Date.now() + retryPauseMs > startBy) return false;
      await sleep(retryPauseMs);
    }
  }
}

function toError(refusal: {
  readonly failure: { readonly code: DomainError['code']; readonly detail: string };
  readonly operationId?: OperationId;
}): DomainError {
  const { failure, operationId } = refusal;
  return new DomainError(
    failure.code,
    failure.detail,
    operationId === undefined ? {} : { details: { operationId } },
  );
}

function unavailable(): DomainError {
  return new DomainError(notHandedOver.code, 'Nobody can say at the moment what became of it.');
}

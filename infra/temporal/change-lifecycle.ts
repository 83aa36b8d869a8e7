import type { OperationId } from '#domain/ids.ts';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';
import type { FileChanges } from '#domain/ports/file-changes.ts';
import type {
  AttributesChange,
  ChangeOutcome,
  FileLifecycle,
} from '#domain/ports/file-lifecycle.ts';
import type { OperationJournal, OperationStanding } from '#domain/ports/operation-journal.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import {
  elementTaskQueue,
  updateAttributesWorkflowId,
  updateNames,
  workflowTypes,
  type UpdateAttributesInput,
  type UpdateAttributesResult,
} from '#workflows/messages.ts';
import { describeChange } from './change-search-attributes.ts';
import { createRowWatcher, type RowWatcher } from './row-watcher.ts';
import type { UpdateSender } from './update-sender.ts';

export type Journal = Pick<OperationJournal, 'finishOperation' | 'findStandings'>;

export const notHandedOver: UploadFailure = {
  code: 'WORKFLOWS_UNAVAILABLE',
  detail: 'The change could not be handed over; nothing of it was done.',
};

/** Rewrites of sidecars: one workflow each, whose update brings the answer. */
export function createChangeLifecycle(options: {
  readonly sender: UpdateSender;
  readonly changes: Pick<FileChanges, 'openAttributesChange'>;
  readonly journal: Journal;
}): Pick<FileLifecycle, 'updateAttributes'> {
  const { sender, changes, journal } = options;
  const watcher = createRowWatcher<OperationId, OperationStanding>({
    findRows: (operationIds) => journal.findStandings(operationIds),
    idOf: ({ operationId }) => operationId,
    isAwaited: ({ isFinished }) => !isFinished,
  });

  return {
    async updateAttributes(change) {
      const deadlineAt = Date.now() + limits.storeDeadlineMs;
      const workflowId = updateAttributesWorkflowId(change.operationId);
      await changes.openAttributesChange(change, workflowId);
      const sent = await sender.send<UpdateAttributesResult>(
        describeUpdate(change, workflowId),
        deadlineAt,
      );
      if (sent.kind === 'answered') return sent.result;
      await takeBack(journal, change.operationId);
      return awaitRow(watcher, change.operationId, deadlineAt);
    },
  };
}

function describeUpdate(change: AttributesChange, workflowId: string) {
  const { operationId, fileId, elementId } = change;
  const input: UpdateAttributesInput = { operationId, fileId };
  const workflowType = workflowTypes.updateAttributes;
  return {
    workflowType,
    workflowId,
    taskQueue: elementTaskQueue(elementId),
    reusePolicy: 'REJECT_DUPLICATE' as const,
    input,
    updateName: updateNames.change,
    updateId: operationId,
    searchAttributes: describeChange({ ...change, workflowType }),
  };
}

/**
 * The outcome is not known. What no workflow has begun by now is taken away from it, by the same
 * compare-and-set with which it would begin: that makes the answer definite.
 * @throws WORKFLOWS_UNAVAILABLE when nothing was done and nothing will be
 */
export async function takeBack(journal: Journal, operationId: OperationId): Promise<void> {
  const ending = { state: 'failed', failure: notHandedOver } as const;
  let isUndone = false;
  try {
    isUndone = await journal.finishOperation(operationId, ['pending'], ending);
  } catch {
    // Without the catalogue nothing is definite; the caller asks the row until its deadline.
  }
  if (isUndone) throw new DomainError(notHandedOver.code, notHandedOver.detail);
}

async function awaitRow(
  watcher: RowWatcher<OperationId, OperationStanding>,
  operationId: OperationId,
  deadlineAt: number,
): Promise<ChangeOutcome> {
  const standing = await watcher.waitFor(operationId, deadlineAt);
  if (standing === null) return { kind: 'pending' };
  if (standing === 'missing') return { kind: 'failed', failure: notHandedOver };
  if (standing.state === 'completed') return { kind: 'changed' };
  const failure = standing.error ?? notHandedOver;
  // Ended by whoever tried before and did not hear of it.
  if (isNotHandedOver(failure)) throw new DomainError(failure.code, failure.detail);
  return { kind: 'failed', failure };
}

function isNotHandedOver(failure: UploadFailure): boolean {
  return failure.code === notHandedOver.code;
}

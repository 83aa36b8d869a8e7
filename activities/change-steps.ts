import { Context } from '@temporalio/activity';
import { DomainError } from '#domain/errors.ts';
import type { FileId, OperationId } from '#domain/ids.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { FileChange, FileChanges } from '#domain/ports/file-changes.ts';
import type { HeldFilter } from '#domain/ports/migration-files.ts';
import type { ElementWriter } from '#domain/ports/object-store.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import type { WorkflowDirectory } from '#domain/ports/workflow-directory.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { requireLock, type ElementPorts } from './element-steps.ts';
import type { GroupTurns } from './group-turns.ts';

export interface ChangePorts extends Omit<ElementPorts, 'turns'> {
  readonly fileTurns: GroupTurns<FileId>;
  readonly changes: FileChanges;
  readonly journal: Pick<
    OperationJournal,
    'findStandings' | 'findIdleOperations' | 'finishOperation'
  >;
  readonly directory: WorkflowDirectory;
  /** Bounded in time and never throws; absent where there is no cache. */
  readonly cache?: Pick<FileCache, 'invalidateFiles'>;
  /**
   * Ends claims of migrations whose workflow is no more; absent where none are run.
   * @returns how many
   */
  readonly settleMigrated?: (filter: HeldFilter, signal: AbortSignal) => Promise<number>;
}

/** The payload of every step: what is to be written is read from the operation's row. */
export interface ChangeStep {
  readonly operationId: OperationId;
  readonly fileId: FileId;
}

const lostWorkflow: UploadFailure = {
  code: 'WORKFLOWS_UNAVAILABLE',
  detail: 'The operation was ended by force before it had an effect.',
};

/** Alone with one file: no other step of any change of it runs in this process meanwhile. */
export function withFile<Result>(
  ports: ChangePorts,
  fileId: FileId,
  step: (element: ElementWriter) => Promise<Result>,
): Promise<Result> {
  return ports.fileTurns.take(fileId, Context.current().cancellationSignal, async () => {
    const element = await ports.elements.openElement(ports.elementId);
    requireLock(ports);
    return step(element);
  });
}

/** The same, for a step of the change that holds the file. @throws OPERATION_STATE_FORBIDS */
export function withClaimedFile<Result>(
  ports: ChangePorts,
  { operationId, fileId }: ChangeStep,
  step: (element: ElementWriter, change: FileChange) => Promise<Result>,
): Promise<Result> {
  return withFile(ports, fileId, async (element) => {
    const change = await ports.changes.findChange(operationId);
    if (change === null || !change.isClaimed) throw claimIsGone();
    requireLock(ports);
    return step(element, change);
  });
}

/** A running workflow whose claim is gone stops. */
export function claimIsGone(): DomainError {
  return new DomainError('OPERATION_STATE_FORBIDS', 'The operation no longer holds the file.');
}

/**
 * Ends a change whose workflow is gone. The sidecar is the truth: a change that reached its commit
 * point is carried forward, any other has failed.
 */
export function settleChange(ports: ChangePorts, step: ChangeStep): Promise<void> {
  const { changes } = ports;
  const { operationId, fileId } = step;
  return withFile(ports, fileId, async (element) => {
    const change = await changes.findChange(operationId);
    const isEffective = change?.isClaimed === true && (await reachedPivot(element, change));
    requireLock(ports);
    if (!isEffective) await changes.giveUpChange(operationId, 'failed', lostWorkflow);
    else if (change.kind === 'updateAttributes') await changes.recordAttributes(operationId);
    else await finishDeletion(ports, element, change);
    await ports.cache?.invalidateFiles([fileId]);
  });
}

async function reachedPivot(element: ElementWriter, change: FileChange): Promise<boolean> {
  if (change.kind === 'updateAttributes') {
    return change.newSidecar !== null && element.hasSidecar(change, change.newSidecar.digest);
  }
  // In both places after a power failure: then it has not been moved yet.
  if (await element.hasSidecar(change, change.sidecarDigest)) return false;
  return element.isSidecarAway(change.fileId);
}

/** After the pivot of a deletion: content, row, and last what tells that it is under way. */
async function finishDeletion(
  ports: ChangePorts,
  element: ElementWriter,
  change: FileChange,
): Promise<void> {
  await element.removeContent(change);
  await ports.changes.purgeFile(change.operationId, checksumOf(change));
  await element.discardMovedSidecar(change.fileId);
}

/** SHA-256 of the content, as the attributes say. */
export function checksumOf(change: Pick<FileChange, 'attributes'>): string {
  return (JSON.parse(change.attributes) as { checksum: string }).checksum;
}

import { Context } from '@temporalio/activity';
import type { ElementId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { UnfinishedOperation } from '#domain/ports/operation-journal.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { requireLock } from './element-steps.ts';
import { settleChange, type ChangePorts } from './change-steps.ts';

export interface ChangeSweepPorts extends ChangePorts {
  /** As the limit of the same name, unless a test says otherwise. */
  readonly ages?: { readonly stalledGroupIdleMs: number };
}

export type ChangeSweepActivities = ReturnType<typeof createChangeSweepActivities>;

const endedByForce: UploadFailure = {
  code: 'WORKFLOWS_UNAVAILABLE',
  detail: 'The operation was ended by force.',
};

/** Puts right what changes left behind whose workflow ended by force, or was never started. */
export function createChangeSweepActivities(ports: ChangeSweepPorts) {
  const { changes, journal, directory } = ports;
  const idleMs = ports.ages?.stalledGroupIdleMs ?? limits.stalledGroupIdleMs;

  async function settle({ operationId, kind }: UnfinishedOperation): Promise<void> {
    if (kind !== 'updateAttributes' && kind !== 'deleteFile') {
      const ending = { state: 'failed', failure: endedByForce } as const;
      await journal.finishOperation(operationId, ['pending', 'running', 'paused'], ending);
      return;
    }
    const change = await changes.findChange(operationId);
    if (change === null) await changes.giveUpChange(operationId, 'failed', endedByForce);
    else await settleChange(ports, { operationId, fileId: change.fileId });
  }

  /** What tells of a deletion goes last; a crash right before that leaves it behind. */
  async function discardMovedSidecars(): Promise<void> {
    const element = await ports.elements.openElement(ports.elementId);
    const moved = await element.listMovedSidecars(limits.sweepBatch);
    if (moved.length === 0) return;
    const present = await changes.findPresent(moved);
    for (const fileId of moved.filter((id) => !present.has(id))) {
      requireLock(ports);
      await element.discardMovedSidecar(fileId);
    }
  }

  return {
    /** @returns how many operations and claims were brought to an end */
    async settleLostChanges({ elementId }: { readonly elementId: ElementId }): Promise<number> {
      let settledCount = 0;
      for (const operation of await journal.findIdleOperations(elementId, idleMs)) {
        Context.current().heartbeat();
        Context.current().cancellationSignal.throwIfAborted();
        if ((await directory.findStatus(operation.workflowId)) === 'running') continue;
        await settle(operation);
        settledCount += 1;
      }
      const { cancellationSignal } = Context.current();
      const orphans = { kind: 'orphans', idleMs } as const;
      settledCount += (await ports.settleMigrated?.(orphans, cancellationSignal)) ?? 0;
      settledCount += await changes.releaseOrphanedClaims(elementId, idleMs);
      await discardMovedSidecars();
      return settledCount;
    },
  };
}

import { Context } from '@temporalio/activity';
import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { WorkflowDirectory } from '#domain/ports/workflow-directory.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { changeGroup, decideOutcomes, requireLock, type ElementPorts } from './element-steps.ts';
import { findLeftovers, type StagingAges } from './staging-leftovers.ts';

export interface SweepPorts extends ElementPorts {
  readonly registry: Pick<
    UploadRegistry,
    | 'abandonDeadUploads'
    | 'findStalledGroups'
    | 'findGroup'
    | 'findUploads'
    | 'recordGroup'
    | 'forgetFinishedUploads'
  >;
  readonly directory: WorkflowDirectory;
  /** The id of the workflow that owns a group. */
  readonly workflowOfGroup: (groupId: GroupId) => string;
  /** As the limits of the same names, unless a test says otherwise. */
  readonly ages?: Partial<SweepAges>;
}

interface SweepAges extends StagingAges {
  readonly stalledGroupIdleMs: number;
}

interface Element {
  readonly elementId: ElementId;
}

export type SweepActivities = ReturnType<typeof createSweepActivities>;

const lostWorkflow: UploadFailure = {
  code: 'WORKFLOWS_UNAVAILABLE',
  detail: 'The operation was ended by force before the file existed.',
};

/**
 * What puts an element right after a crash. Each finds its work by the state of the rows and of
 * the element, takes it by compare-and-set, and may run at any time, any number of times.
 * Each returns how many things it changed.
 */
export function createSweepActivities(ports: SweepPorts) {
  const { registry, directory } = ports;
  const ages: SweepAges = {
    stalledGroupIdleMs: limits.stalledGroupIdleMs,
    failedStagingKeptMs: limits.failedStagingKeptMs,
    stagingGraceMs: limits.stagingGraceHours * 3_600_000,
    ...ports.ages,
  };
  return {
    /** Receiving uploads without a living sender, staged ones that no group took. */
    async abandonDeadUploads({ elementId }: Element): Promise<number> {
      let abandonedCount = 0;
      for (;;) {
        const { abandoned } = await registry.abandonDeadUploads(elementId);
        // A crash between the two is no loss: the rows are `failed`, so these are leftovers.
        await discard(ports, abandoned);
        abandonedCount += abandoned.length;
        if (abandoned.length < limits.sweepBatch) return abandonedCount;
      }
    },

    /** Content in staging that no living upload needs. */
    async discardLeftovers({ elementId }: Element): Promise<number> {
      const element = await ports.elements.openElement(elementId);
      const leftovers = await findLeftovers({ element, registry, elementId }, ages);
      await discard(ports, leftovers);
      return leftovers.length;
    },

    /** Groups whose workflow was ended by force, or forgotten with Temporal's database. */
    async resolveStalledGroups({ elementId }: Element): Promise<number> {
      let resolvedCount = 0;
      const groups = await registry.findStalledGroups(elementId, ages.stalledGroupIdleMs);
      for (const groupId of groups) {
        goOn();
        const status = await directory.findStatus(ports.workflowOfGroup(groupId));
        if (status === 'running') continue;
        await resolveGroup(ports, groupId);
        resolvedCount += 1;
      }
      return resolvedCount;
    },

    /** Rows past their keeping time, and with them their keys and operations. */
    async forgetFinishedUploads({ elementId }: Element): Promise<number> {
      let forgottenCount = 0;
      for (;;) {
        const count = await registry.forgetFinishedUploads(elementId);
        forgottenCount += count;
        goOn();
        if (count < limits.sweepBatch) return forgottenCount;
      }
    },
  };
}

function resolveGroup(ports: SweepPorts, groupId: GroupId): Promise<void> {
  return changeGroup(ports, groupId, async (element, uploads) => {
    if (uploads.length === 0) return;
    const outcomes = await decideOutcomes(element, uploads, lostWorkflow);
    const failed = new Set(outcomes.filter(({ ok }) => !ok).map(({ fileId }) => fileId));
    await element.returnContents(uploads.filter(({ fileId }) => failed.has(fileId)));
    await ports.registry.recordGroup(groupId, outcomes);
  });
}

async function discard(ports: ElementPorts, fileIds: readonly FileId[]): Promise<void> {
  if (fileIds.length === 0) return;
  const element = await ports.elements.openElement(ports.elementId);
  for (const fileId of fileIds) {
    requireLock(ports);
    goOn();
    await element.discardStaged(fileId);
  }
}

/** Says that the step is alive, and ends it when it was cancelled. */
function goOn(): void {
  Context.current().heartbeat();
  Context.current().cancellationSignal.throwIfAborted();
}

import type { WorkflowHandle } from '@temporalio/client';
import type { AttributesChange, Deletion } from '#domain/ports/file-lifecycle.ts';
import type { FileId, OperationId } from '#domain/ids.ts';
import type { ChangeHarness } from '#test/support/change-harness.ts';
import type { TemporalHarness } from '#test/support/element-harness.ts';
import {
  deleteFileWorkflowId,
  elementTaskQueue,
  updateAttributesWorkflowId,
  workflowTypes,
} from '#workflows/messages.ts';

/** What is left in the world when the change of one file is over. */
export interface ChangeAftermath {
  /** How the workflow ended: its result, or the failure by the type that it names. */
  readonly ended: string;
  /** State of the operation, or the code with which it failed. */
  readonly operation: string;
  /** What a stranger finds on the element. */
  readonly file: 'old' | 'new' | 'gone' | 'broken';
  /** What readers find in the catalogue. */
  readonly row: 'old' | 'new' | 'gone';
  readonly isClaimed: boolean;
  readonly usedFiles: number;
  readonly staged: number;
}

export interface RunningChange {
  readonly handle: WorkflowHandle;
  readonly operationId: OperationId;
  readonly fileId: FileId;
}

export const newDescription = 'новое описание';

/** The operation and its workflow, without an update: as when the caller died right after the start. */
export async function startUpdate(
  temporal: TemporalHarness,
  world: ChangeHarness,
  change: AttributesChange,
): Promise<RunningChange> {
  const { operationId, fileId, elementId } = change;
  const workflowId = updateAttributesWorkflowId(operationId);
  await world.harness.catalogue.changes.openAttributesChange(change, workflowId);
  const handle = await temporal.client.workflow.start(workflowTypes.updateAttributes, {
    workflowId,
    taskQueue: elementTaskQueue(elementId),
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    args: [{ operationId, fileId }],
  });
  return { handle, operationId, fileId };
}

export async function startDeletion(
  temporal: TemporalHarness,
  world: ChangeHarness,
  deletion: Deletion,
): Promise<RunningChange> {
  const { operationId, fileId, elementId, graceMs } = deletion;
  const workflowId = deleteFileWorkflowId(fileId);
  await world.harness.catalogue.changes.openDeletion(deletion, workflowId);
  const handle = await temporal.client.workflow.start(workflowTypes.deleteFile, {
    workflowId,
    taskQueue: elementTaskQueue(elementId),
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    args: [{ operationId, fileId, graceMs }],
  });
  return { handle, operationId, fileId };
}

export async function lookAtChange(
  world: ChangeHarness,
  { operationId, fileId }: RunningChange,
  ended: string,
): Promise<ChangeAftermath> {
  const { harness } = world;
  const [report, row, standing, counters, claims] = await Promise.all([
    harness.readElement(),
    world.findRow(fileId),
    world.findStanding(operationId),
    harness.counters(),
    harness.catalogue.database.query({
      text: 'select file_id from files where claimed_by is not null',
    }),
  ]);
  const { damaged, content_without_sidecar: contents, sidecar_without_content: sidecars } = report;
  const isBroken = damaged.length + contents.length + sidecars.length > 0;
  const description = row === null ? null : descriptionOf(row.attributes);
  return {
    ended,
    operation: standing?.error?.code ?? standing?.state ?? 'absent',
    file: isBroken ? 'broken' : ageOf(report.whole[0]?.sidecar['description']),
    row: row === null ? 'gone' : ageOf(description),
    isClaimed: claims.length > 0,
    usedFiles: counters.usedBytes / 4096,
    staged: report.staging.length,
  };
}

function ageOf(description: unknown): 'old' | 'new' | 'gone' {
  if (description === undefined) return 'gone';
  return description === newDescription ? 'new' : 'old';
}

function descriptionOf(attributes: string): unknown {
  return (JSON.parse(attributes) as { description: unknown }).description;
}

export async function describeEnd(handle: WorkflowHandle): Promise<string> {
  try {
    const result = (await handle.result()) as { readonly kind: string };
    return result.kind;
  } catch (error) {
    const { status } = await handle.describe();
    if (status.name !== 'FAILED') return status.name.toLowerCase();
    let cause = error instanceof Error ? error.cause : undefined;
    while (cause instanceof Error && !('type' in cause)) cause = cause.cause;
    return String((cause as { type?: unknown } | undefined)?.type);
  }
}

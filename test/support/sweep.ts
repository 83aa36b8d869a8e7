import { randomUUID } from 'node:crypto';
import type { ElementHarness, TemporalHarness } from '#test/support/element-harness.ts';
import {
  elementTaskQueue,
  sweepElementId,
  workflowTypes,
  type SweepElementInput,
  type SweepElementResult,
} from '#workflows/messages.ts';

type SweepElement = (input: SweepElementInput) => Promise<SweepElementResult>;

export function startSweep(temporal: TemporalHarness, { elementId }: ElementHarness) {
  return temporal.client.workflow.start<SweepElement>(workflowTypes.sweepElement, {
    workflowId: `${sweepElementId(elementId)}-${randomUUID()}`,
    taskQueue: elementTaskQueue(elementId),
    args: [{ elementId }],
  });
}

/** Runs the sweep once, as its schedule would. */
export async function sweep(
  temporal: TemporalHarness,
  harness: ElementHarness,
): Promise<SweepElementResult> {
  const handle = await startSweep(temporal, harness);
  return handle.result();
}

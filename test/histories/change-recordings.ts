import type { WorkflowHandle } from '@temporalio/client';
import { batchScenarios, playBatch } from '#test/support/batch-scenarios.ts';
import { changeScenarios, playChange } from '#test/support/change-scenarios.ts';
import { openChangeHarness } from '#test/support/change-harness.ts';
import type { TemporalHarness } from '#test/support/element-harness.ts';
import { playKilledChange, stepsOfChanges } from '#test/support/killed-change.ts';
import { updateAttributesWorkflowId, deleteFileWorkflowId } from '#workflows/messages.ts';

type ChangeRecording = readonly [
  name: string,
  record: (temporal: TemporalHarness) => Promise<WorkflowHandle>,
];

const kebab = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Every branch of the workflows that change and delete files, by the name of its history. */
export const changeRecordings: readonly ChangeRecording[] = [
  ...changeScenarios.map(
    (scenario): ChangeRecording => [
      `${kebab(scenario.workflow)}.${scenario.name}`,
      async (temporal) => (await playChange(temporal, scenario)).change.handle,
    ],
  ),
  ...(['updateAttributes', 'deleteFile'] as const).flatMap((workflow) =>
    stepsOfChanges[workflow].map(
      (step): ChangeRecording => [
        `${kebab(workflow)}.killed-after-${kebab(step)}`,
        async (temporal) => (await playKilledChange(temporal, workflow, step)).change.handle,
      ],
    ),
  ),
  ['update-attributes.success-with-update', recordUpdate],
  ['delete-file.success-with-update', recordDeletion],
  ...batchScenarios.map(
    (scenario): ChangeRecording => [
      `batch-delete.${scenario.name}`,
      async (temporal) => (await playBatch(temporal, scenario)).handle,
    ],
  ),
];

async function recordUpdate(temporal: TemporalHarness): Promise<WorkflowHandle> {
  await using world = await openChangeHarness(temporal);
  await using worker = await world.harness.startWorker();
  const change = await world.makeChange(await world.storeFile(), 'новое описание');
  await world.lifecycle.updateAttributes(change);
  void worker;
  return temporal.client.workflow.getHandle(updateAttributesWorkflowId(change.operationId));
}

async function recordDeletion(temporal: TemporalHarness): Promise<WorkflowHandle> {
  await using world = await openChangeHarness(temporal);
  await using worker = await world.harness.startWorker();
  const fileId = await world.storeFile();
  await world.lifecycle.deleteFile(world.makeDeletion(fileId));
  const handle = temporal.client.workflow.getHandle(deleteFileWorkflowId(fileId));
  await handle.result();
  void worker;
  return handle;
}

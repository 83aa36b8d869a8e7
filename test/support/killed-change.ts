import { openChangeHarness } from '#test/support/change-harness.ts';
import {
  describeEnd,
  lookAtChange,
  newDescription,
  startDeletion,
  startUpdate,
} from '#test/support/change-workflows.ts';
import type { PlayedChange } from '#test/support/change-scenarios.ts';
import type { TemporalHarness } from '#test/support/element-harness.ts';
import { killAfterStep } from '#test/support/killed-worker.ts';
import type { ElementActivities } from '#workers/element-worker.ts';

export const stepsOfChanges = {
  updateAttributes: ['claimFile', 'writeSidecar', 'recordAttributes'],
  deleteFile: ['claimFile', 'moveSidecarAway', 'removeContent', 'purgeFile'],
} as const satisfies Record<string, readonly (keyof ElementActivities)[]>;

/** Kills the worker's process right after a step of a change; another worker goes on. */
export async function playKilledChange(
  temporal: TemporalHarness,
  workflow: keyof typeof stepsOfChanges,
  hangAfter: keyof ElementActivities,
): Promise<PlayedChange> {
  await using world = await openChangeHarness(temporal);
  const { harness } = world;
  const fileId = await world.storeFile();
  const attributesChange = await world.makeChange(fileId, newDescription);
  const change = await killAfterStep({ temporal, harness, hangAfter }, () =>
    workflow === 'updateAttributes'
      ? startUpdate(temporal, world, attributesChange)
      : startDeletion(temporal, world, world.makeDeletion(fileId)),
  );
  await using worker = await harness.startWorker();
  const ended = await describeEnd(change.handle);
  void worker;
  return { change, aftermath: await lookAtChange(world, change, ended) };
}

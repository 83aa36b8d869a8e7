import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileId } from '#domain/ids.ts';
import { around, createGate, failAfter, failBefore } from '#test/support/activity-faults.ts';
import { openChangeHarness, type ChangeHarness } from '#test/support/change-harness.ts';
import {
  describeEnd,
  lookAtChange,
  newDescription,
  startDeletion,
  startUpdate,
  type ChangeAftermath,
  type RunningChange,
} from '#test/support/change-workflows.ts';
import { until, type TemporalHarness, type WorkerFaults } from '#test/support/element-harness.ts';
import type { ElementActivities } from '#workers/element-worker.ts';

/** One branch of a workflow that changes one file: a fault, and what must come of it. */
export interface ChangeScenario {
  readonly workflow: 'updateAttributes' | 'deleteFile';
  /** Names the recorded history too. */
  readonly name: string;
  readonly expected: ChangeAftermath;
  /** Made anew for each run: faults count their calls. */
  readonly stage?: () => Stage;
}

interface Stage {
  readonly faults?: WorkerFaults;
  readonly graceMs?: number;
  readonly isStale?: boolean;
  readonly prepare?: (world: ChangeHarness, fileId: FileId) => Promise<void>;
  readonly beforeWorker?: (change: RunningChange) => Promise<void>;
  readonly meanwhile?: (change: RunningChange, world: ChangeHarness) => Promise<void>;
}

export interface PlayedChange {
  readonly change: RunningChange;
  readonly aftermath: ChangeAftermath;
}

export async function playChange(
  temporal: TemporalHarness,
  scenario: ChangeScenario,
): Promise<PlayedChange> {
  const stage = scenario.stage?.() ?? {};
  await using world = await openChangeHarness(temporal);
  const fileId = await world.storeFile();
  const change = await startChange(temporal, world, { scenario, stage, fileId });
  await stage.beforeWorker?.(change);
  await using worker = await world.harness.startWorker(stage.faults);
  const [ended] = await Promise.all([describeEnd(change.handle), stage.meanwhile?.(change, world)]);
  void worker;
  return { change, aftermath: await lookAtChange(world, change, ended) };
}

async function startChange(
  temporal: TemporalHarness,
  world: ChangeHarness,
  order: { readonly scenario: ChangeScenario; readonly stage: Stage; readonly fileId: FileId },
): Promise<RunningChange> {
  const { stage, fileId } = order;
  const change = await world.makeChange(fileId, newDescription);
  await stage.prepare?.(world, fileId);
  const stale = stage.isStale === true ? { expectedDigest: 'f'.repeat(64) } : {};
  if (order.scenario.workflow === 'updateAttributes') {
    return startUpdate(temporal, world, { ...change, ...stale });
  }
  const graceMs = stage.graceMs ?? 0;
  return startDeletion(temporal, world, world.makeDeletion(fileId, { graceMs, ...stale }));
}

export const changed: ChangeAftermath = {
  ended: 'changed',
  operation: 'completed',
  file: 'new',
  row: 'new',
  isClaimed: false,
  usedFiles: 1,
  staged: 0,
};

export const deleted: ChangeAftermath = {
  ...changed,
  ended: 'deleted',
  file: 'gone',
  row: 'gone',
  usedFiles: 0,
};

const unchanged = (operation: string, ended = operation): ChangeAftermath => ({
  ...changed,
  ended,
  operation,
  file: 'old',
  row: 'old',
});

const hangUntilCancelled = (name: keyof ElementActivities, isUndone: boolean): Stage => {
  const gate = createGate();
  return {
    faults: {
      wrapActivities: around(name, async (step) => {
        await gate.pass();
        return step();
      }),
    },
    async meanwhile({ handle }) {
      await until('the quick tries are over', async () => {
        const { events } = await handle.fetchHistory();
        return (events ?? []).some((event) => event.activityTaskScheduledEventAttributes !== null);
      });
      await handle.cancel();
      if (isUndone) await handle.result().catch(() => undefined);
      gate.open();
    },
  };
};

/** Somebody edits the sidecar by hand: no step of ours may overwrite or take it away. */
async function editByHand(world: ChangeHarness, fileId: FileId): Promise<void> {
  const row = (await world.findRow(fileId))!;
  const path = join(world.harness.root, row.storagePath, `${row.storageFilename}.attr.json`);
  await writeFile(path, JSON.stringify({ ...JSON.parse(row.attributes), integrity: undefined }));
}

const fail = (wrapActivities: NonNullable<WorkerFaults['wrapActivities']>): Stage => ({
  faults: { wrapActivities },
});

type Branch = readonly [name: string, expected: ChangeAftermath, stage?: () => Stage];

/** Faults count their calls, so each run makes its own. */
const branchesOfBoth = (
  done: ChangeAftermath,
  pivot: 'writeSidecar' | 'moveSidecarAway',
  last: 'recordAttributes' | 'purgeFile',
): Branch[] => [
  ['success', done],
  ['claim-refused', unchanged('PRECONDITION_FAILED', 'failed'), () => ({ isStale: true })],
  [
    'claim-fails',
    unchanged('CATALOGUE_UNAVAILABLE'),
    () => fail(failBefore('claimFile', 'CATALOGUE_UNAVAILABLE')),
  ],
  [
    'claim-fails-after-the-fact',
    unchanged('CATALOGUE_UNAVAILABLE'),
    () => fail(failAfter('claimFile', 'CATALOGUE_UNAVAILABLE')),
  ],
  ['claim-recovers', done, () => fail(failAfter('claimFile', 'CATALOGUE_UNAVAILABLE', 3))],
  ['pivot-recovers', done, () => fail(failAfter(pivot, 'ELEMENT_UNAVAILABLE', 4))],
  ['pivot-refused', unchanged('SIDECAR_CORRUPT', 'failed'), () => ({ prepare: editByHand })],
  ['pivot-fails-after-the-fact', done, () => fail(failAfter(pivot, 'SIDECAR_CORRUPT'))],
  [
    'pivot-fails-for-good',
    unchanged('WORKFLOWS_UNAVAILABLE', 'failed'),
    () => fail(failBefore(pivot, 'SIDECAR_CORRUPT')),
  ],
  ['last-step-recovers', done, () => fail(failAfter(last, 'CATALOGUE_UNAVAILABLE', 4))],
  [
    'cancelled-before-it-began',
    unchanged('OPERATION_CANCELLED', 'cancelled'),
    () => ({ beforeWorker: async ({ handle }) => void (await handle.cancel()) }),
  ],
  [
    'cancelled-before-the-pivot',
    unchanged('OPERATION_CANCELLED', 'cancelled'),
    () => hangUntilCancelled('claimFile', true),
  ],
  ['cancelled-in-the-pivot', done, () => hangUntilCancelled(pivot, false)],
  ['cancelled-after-the-pivot', done, () => hangUntilCancelled(last, false)],
];

const onlyOfDeletions: Branch[] = [
  ['success-after-grace', deleted, () => ({ graceMs: 20 })],
  [
    'cancelled-in-the-grace',
    unchanged('OPERATION_CANCELLED', 'cancelled'),
    () => ({
      graceMs: 3_600_000,
      async meanwhile({ handle, operationId }, world) {
        await until('it is hidden', async () => {
          return (await world.findStanding(operationId))?.state === 'running';
        });
        await handle.cancel();
      },
    }),
  ],
  ['content-recovers', deleted, () => fail(failAfter('removeContent', 'ELEMENT_UNAVAILABLE', 4))],
];

const ofWorkflow =
  (workflow: ChangeScenario['workflow']) =>
  ([name, expected, stage]: Branch): ChangeScenario => ({
    workflow,
    name,
    expected,
    ...(stage === undefined ? {} : { stage }),
  });

export const changeScenarios: readonly ChangeScenario[] = [
  ...branchesOfBoth(changed, 'writeSidecar', 'recordAttributes').map(
    ofWorkflow('updateAttributes'),
  ),
  ...[...branchesOfBoth(deleted, 'moveSidecarAway', 'purgeFile'), ...onlyOfDeletions].map(
    ofWorkflow('deleteFile'),
  ),
];

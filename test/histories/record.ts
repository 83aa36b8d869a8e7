/**
 * Records the history of every branch of every workflow from real runs, for the replay test.
 * Needed again when a workflow gets a new branch; histories of released code stay as they are.
 *
 *   node test/support/with-stack.ts node test/histories/record.ts [part of a name]
 */
import { writeFile } from 'node:fs/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { createGroupSender } from '#infra/temporal/group-sender.ts';
import { failBefore } from '#test/support/activity-faults.ts';
import {
  openElementHarness,
  openTemporalHarness,
  type TemporalHarness,
  type WorkerFaults,
} from '#test/support/element-harness.ts';
import { followerScenarios, playFollower } from '#test/support/follower-scenarios.ts';
import { playKilledWorker } from '#test/support/killed-worker.ts';
import { playScenario, storeFilesScenarios } from '#test/support/store-files-scenarios.ts';
import { playRebuild, rebuildScenarios } from '#test/support/rebuild-scenarios.ts';
import { playReconciliation, reconcileScenarios } from '#test/support/reconcile-scenarios.ts';
import { playReindex, reindexScenarios } from '#test/support/reindex-scenarios.ts';
import { newGroupId } from '#test/support/stored-files.ts';
import { startSweep } from '#test/support/sweep.ts';
import { storeFilesWorkflowId } from '#workflows/messages.ts';
import { changeRecordings } from './change-recordings.ts';
import { migrationRecordings } from './migration-recordings.ts';

type Recording = readonly [name: string, record: () => Promise<WorkflowHandle>];

await using temporal = await openTemporalHarness();

const recordings: Recording[] = [
  ['store-files.success-with-update', () => recordWithUpdate(temporal)],
  ['store-files.nothing-claimed', () => recordLateStart(temporal)],
  ...storeFilesScenarios.map(
    (scenario): Recording => [
      `store-files.${scenario.name}`,
      async () => (await playScenario(temporal, scenario)).handle,
    ],
  ),
  ...(['claimGroup', 'commitContents', 'writeSidecars', 'recordGroup'] as const).map(
    (step): Recording => [
      `store-files.killed-after-${kebab(step)}`,
      async () => (await playKilledWorker(temporal, step)).handle,
    ],
  ),
  ['sweep-element.success', () => recordSweep(temporal, {})],
  ...(
    [
      'resolveStalledGroups',
      'abandonDeadUploads',
      'discardLeftovers',
      'forgetFinishedUploads',
    ] as const
  ).map(
    (step): Recording => [
      `sweep-element.${kebab(step)}-fails`,
      () =>
        recordSweep(temporal, { wrapActivities: failBefore(step, 'CATALOGUE_UNAVAILABLE') }),
    ],
  ),
  ['sweep-element.success-with-changes', () => recordSweep(temporal, {})],
  [
    'sweep-element.settle-lost-changes-fails',
    () =>
      recordSweep(temporal, {
        wrapActivities: failBefore('settleLostChanges', 'CATALOGUE_UNAVAILABLE'),
      }),
  ],
  ['sweep-element.cancelled', () => recordCancelledSweep(temporal)],
  ...changeRecordings.map(([name, record]): Recording => [name, () => record(temporal)]),
  ...migrationRecordings.map(([name, record]): Recording => [name, () => record(temporal)]),
  ...reconcileScenarios.map(
    (scenario): Recording => [
      `reconcile-element.${scenario.name}`,
      async () => (await playReconciliation(temporal, scenario)).handle,
    ],
  ),
  ...reindexScenarios.map(
    (scenario): Recording => [
      `reindex-search.${scenario.name}`,
      async () => (await playReindex(temporal, scenario)).handle,
    ],
  ),
  ...rebuildScenarios.map(
    (scenario): Recording => [
      `rebuild-catalogue.${scenario.name}`,
      async () => (await playRebuild(temporal, scenario)).handle,
    ],
  ),
  ...followerScenarios.map(
    (scenario): Recording => [
      `follow-outbox.${scenario.name}`,
      () => playFollower(temporal, scenario),
    ],
  ),
];

const wanted = process.argv[2] ?? '';
for (const [name, record] of recordings) {
  if (!name.includes(wanted)) continue;
  const handle = await record();
  const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as unknown;
  const text = JSON.stringify(withoutTraces(history), null, 1);
  await writeFile(new URL(`${name}.json`, import.meta.url), `${text}\n`);
  console.log(name);
}

async function recordWithUpdate(temporal: TemporalHarness): Promise<WorkflowHandle> {
  await using harness = await openElementHarness(temporal);
  await using worker = await harness.startWorker();
  const uploads = await harness.stageMany(3);
  const groupId = newGroupId();
  const fileIds = uploads.map(({ fileId }) => fileId);
  const sender = createGroupSender(temporal.client, { report: () => undefined });
  await sender.sendGroup(harness.elementId, { groupId, fileIds });
  void worker;
  return temporal.client.workflow.getHandle(storeFilesWorkflowId(groupId));
}

async function recordLateStart(temporal: TemporalHarness): Promise<WorkflowHandle> {
  await using harness = await openElementHarness(temporal);
  await using worker = await harness.startWorker();
  const uploads = await harness.receiveMany(2);
  const handle = await harness.startGroup(newGroupId(), uploads);
  await handle.result();
  void worker;
  return handle;
}

async function recordSweep(
  temporal: TemporalHarness,
  faults: WorkerFaults,
): Promise<WorkflowHandle> {
  await using harness = await openElementHarness(temporal);
  await using worker = await harness.startWorker(faults);
  const handle = await startSweep(temporal, harness);
  await handle.result().catch(() => undefined);
  void worker;
  return handle;
}

async function recordCancelledSweep(temporal: TemporalHarness): Promise<WorkflowHandle> {
  await using harness = await openElementHarness(temporal);
  const handle = await startSweep(temporal, harness);
  await handle.cancel();
  await using worker = await harness.startWorker();
  await handle.result().catch(() => undefined);
  void worker;
  return handle;
}

/** Where and by whom it was recorded is of no use to a replay. */
function withoutTraces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTraces);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (key === 'stackTrace') return [key, ''];
      if (key === 'identity') return [key, 'recorder'];
      return [key, withoutTraces(member)];
    }),
  );
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

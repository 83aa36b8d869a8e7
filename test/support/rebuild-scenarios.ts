import type { WorkflowHandle } from '@temporalio/client';
import { DomainError } from '#domain/errors.ts';
import type { Operation } from '#domain/operations.ts';
import { failBefore } from '#test/support/activity-faults.ts';
import { until, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  openRebuildHarness,
  putFile,
  type RebuildHarness,
  type RebuildWorkerOptions,
} from '#test/support/rebuild-harness.ts';

interface RebuildScenario extends RebuildWorkerOptions {
  readonly name: string;
  readonly ends: Operation['state'];
  /** Of the files on the element, how many are in the catalogue then. */
  readonly rows: number;
  readonly isCancelled?: 'before-it-began' | 'on-the-way';
  readonly isGivenUp?: true;
}

export interface PlayedRebuild {
  readonly handle: WorkflowHandle;
  readonly operation: Operation | null;
  readonly rows: number;
}

export const rebuiltFiles = 5;

/** Every branch of `rebuildCatalogue`. */
export const rebuildScenarios: readonly RebuildScenario[] = [
  { name: 'success', ends: 'completed', rows: rebuiltFiles },
  {
    name: 'success-in-turns',
    ends: 'completed',
    rows: rebuiltFiles,
    pace: { batchFiles: 1, turnMs: 1 },
  },
  { name: 'given-up-before-it-began', ends: 'failed', rows: 0, isGivenUp: true },
  { name: 'cancelled-before-it-began', ends: 'cancelled', rows: 0, isCancelled: 'before-it-began' },
  {
    name: 'begin-fails',
    ends: 'failed',
    rows: 0,
    wrapActivities: failBefore('beginRebuild', 'ELEMENT_NOT_FOUND'),
  },
  {
    name: 'begin-recovers',
    ends: 'completed',
    rows: rebuiltFiles,
    wrapActivities: failBefore('beginRebuild', 'CATALOGUE_UNAVAILABLE', 1),
  },
  {
    name: 'files-fail',
    ends: 'failed',
    rows: 0,
    wrapActivities: failBefore('rebuildFiles', 'ELEMENT_NOT_FOUND'),
  },
  {
    name: 'files-recover',
    ends: 'completed',
    rows: rebuiltFiles,
    wrapActivities: failBefore('rebuildFiles', 'ELEMENT_UNAVAILABLE', 1),
  },
  {
    name: 'completing-recovers',
    ends: 'completed',
    rows: rebuiltFiles,
    wrapActivities: failBefore('completeRebuild', 'CATALOGUE_UNAVAILABLE', 1),
  },
  {
    name: 'cancelled',
    ends: 'cancelled',
    rows: 2,
    isCancelled: 'on-the-way',
    pace: { batchFiles: 2 },
    // Unwilling to get further.
    beforeBatch: (batch) =>
      batch.from.position === null
        ? Promise.resolve()
        : Promise.reject(new DomainError('CATALOGUE_UNAVAILABLE', 'A fault of the test.')),
  },
];

export async function playRebuild(
  temporal: TemporalHarness,
  scenario: RebuildScenario,
): Promise<PlayedRebuild> {
  await using harness = await openRebuildHarness(temporal);
  const element = await harness.addElement();
  for (let index = 0; index < rebuiltFiles; index += 1) await putFile(element);
  const { operationId, handle } = await harness.startRebuild(element);
  if (scenario.isGivenUp === true) await giveUp(harness, operationId);
  if (scenario.isCancelled === 'before-it-began') await handle.cancel();
  await using worker = await harness.startWorker(element, scenario);
  if (scenario.isCancelled === 'on-the-way') {
    await until('it has begun', async () => (await countRows(harness)) > 0);
    await handle.cancel();
  }
  await until('it has ended', async () => (await handle.describe()).status.name !== 'RUNNING');
  void worker;
  return {
    handle,
    operation: await harness.catalogue.operations.findOperation(operationId),
    rows: await countRows(harness),
  };
}

async function countRows({ catalogue }: RebuildHarness): Promise<number> {
  const [row] = await catalogue.database.query<{ count: number }>({
    text: 'select count(*) as count from files',
  });
  return row!.count;
}

async function giveUp(harness: RebuildHarness, operationId: string): Promise<void> {
  await harness.catalogue.database.query(
    {
      text: `update operations set state = 'failed', failure_code = 'WORKFLOWS_UNAVAILABLE',
        failure_detail = '', finished_at = now() where operation_id = $1`,
    },
    [operationId],
  );
}

import type { WorkflowHandle } from '@temporalio/client';
import { DomainError } from '#domain/errors.ts';
import type { Operation } from '#domain/operations.ts';
import { until, type TemporalHarness } from '#test/support/element-harness.ts';
import {
  openReindexHarness,
  type ReindexHarness,
  type ReindexWorkerOptions,
} from '#test/support/reindex-harness.ts';
import { storeFiles } from '#test/support/stored-files.ts';

interface ReindexScenario extends ReindexWorkerOptions {
  readonly name: string;
  readonly ends: Operation['state'];
  /** What the serving index finds afterwards: all files, or what it found before. */
  readonly finds: 'all' | 'nothing';
  readonly isCancelled?: true;
  readonly isGivenUp?: true;
}

export interface PlayedReindex {
  readonly handle: WorkflowHandle;
  readonly operation: Operation | null;
  readonly hits: number;
  readonly leftovers: readonly string[];
}

export const reindexedFiles = 5;

/** Every branch of `reindexSearch`. */
export const reindexScenarios: readonly ReindexScenario[] = [
  { name: 'success', ends: 'completed', finds: 'all' },
  {
    name: 'success-in-turns',
    ends: 'completed',
    finds: 'all',
    pace: { batchFiles: 1, turnMs: 1 },
  },
  {
    name: 'given-up-before-it-began',
    ends: 'failed',
    finds: 'nothing',
    isGivenUp: true,
  },
  {
    name: 'begin-fails',
    ends: 'failed',
    finds: 'nothing',
    wrapActivities: (activities) => ({
      ...activities,
      beginReindex: () => Promise.reject(bug()),
    }),
  },
  {
    name: 'fill-fails',
    ends: 'failed',
    finds: 'nothing',
    wrapActivities: (activities) => ({
      ...activities,
      fillIndex: () => Promise.reject(bug()),
    }),
  },
  {
    name: 'fill-recovers',
    ends: 'completed',
    finds: 'all',
    wrapActivities: (activities) => {
      let calls = 0;
      return {
        ...activities,
        fillIndex(filling) {
          calls += 1;
          if (calls > 1) return activities.fillIndex!(filling);
          return Promise.reject(new DomainError('SEARCH_UNAVAILABLE', 'A fault of the test.'));
        },
      };
    },
  },
  {
    name: 'wiped-before-it-served',
    ends: 'completed',
    finds: 'all',
    wrapActivities: (activities) => {
      let calls = 0;
      return {
        ...activities,
        async catchUp(input) {
          calls += 1;
          if (calls === 1) await activities.dropIndex!(input);
          return activities.catchUp!(input);
        },
      };
    },
  },
  {
    name: 'cancelled',
    ends: 'cancelled',
    finds: 'nothing',
    isCancelled: true,
    wrapActivities: (activities) => ({
      ...activities,
      // Unwilling to get anywhere.
      fillIndex: () =>
        Promise.reject(new DomainError('SEARCH_UNAVAILABLE', 'A fault of the test.')),
    }),
  },
];

export async function playReindex(
  temporal: TemporalHarness,
  scenario: ReindexScenario,
): Promise<PlayedReindex> {
  await using harness = await openReindexHarness(temporal);
  await storeFiles(
    harness.catalogue.uploads,
    Array.from({ length: reindexedFiles }, (_, number) => ({
      originalFilename: `Договор ${number}.pdf`,
    })),
  );
  const { operationId, handle } = await harness.startReindex();
  if (scenario.isGivenUp === true) await giveUp(harness, operationId);
  await using worker = await harness.startWorker(scenario);
  if (scenario.isCancelled === true) {
    await until('it has begun to fill', async () => (await harness.listLeftovers()).length > 0);
    await handle.cancel();
  }
  await until('it has ended', async () => (await handle.describe()).status.name !== 'RUNNING');
  void worker;
  return {
    handle,
    operation: await harness.catalogue.operations.findOperation(operationId),
    hits: await harness.countHits('договор'),
    leftovers: await harness.listLeftovers(),
  };
}

async function giveUp(harness: ReindexHarness, operationId: string): Promise<void> {
  await harness.catalogue.database.query(
    {
      text: `update operations set state = 'failed', failure_code = 'WORKFLOWS_UNAVAILABLE',
        failure_detail = '', finished_at = now() where operation_id = $1`,
    },
    [operationId],
  );
}

/** Of a kind that repeating does not help. */
function bug(): DomainError {
  return new DomainError('REQUEST_INVALID', 'A fault of the test.');
}

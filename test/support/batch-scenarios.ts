import type { WorkflowHandle } from '@temporalio/client';
import { DomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import type { Operation } from '#domain/operations.ts';
import { createGate, around } from '#test/support/activity-faults.ts';
import { catalogueQueueOf, startCatalogueWorker } from '#test/support/catalogue-worker.ts';
import {
  newOperationId,
  openChangeHarness,
  type ChangeHarness,
} from '#test/support/change-harness.ts';
import { describeEnd } from '#test/support/change-workflows.ts';
import { until, type TemporalHarness, type WorkerFaults } from '#test/support/element-harness.ts';
import { newAccountId, newFileId } from '#test/support/stored-files.ts';
import type { CatalogueActivities } from '#workers/catalogue-worker.ts';
import { batchWorkflowId, deleteFileWorkflowId, workflowTypes } from '#workflows/messages.ts';

/** One branch of `batchDelete`. Each batch names four files, the last of which nobody knows. */
export interface BatchScenario {
  /** Names the recorded history too. */
  readonly name: string;
  readonly expected: BatchAftermath;
  readonly stage?: () => Stage;
}

interface BatchAftermath {
  readonly state: string;
  /** Outcome, or code, of each file of the operation's result. */
  readonly items: readonly string[];
  readonly wholeFiles: number;
}

interface Stage {
  readonly wrapCatalogue?: (activities: CatalogueActivities) => CatalogueActivities;
  readonly faults?: WorkerFaults;
  readonly beforeWorker?: (batch: RunningBatch) => Promise<void>;
  readonly meanwhile?: (batch: RunningBatch) => Promise<void>;
  /** Of what the stage itself has started. */
  readonly cleanUp?: () => Promise<void>;
}

interface RunningBatch {
  readonly temporal: TemporalHarness;
  readonly world: ChangeHarness;
  readonly handle: WorkflowHandle;
  readonly fileIds: readonly FileId[];
  readonly findOperation: () => Promise<Operation>;
}

export interface PlayedBatch {
  readonly handle: WorkflowHandle;
  readonly aftermath: BatchAftermath;
}

export async function playBatch(
  temporal: TemporalHarness,
  scenario: BatchScenario,
): Promise<PlayedBatch> {
  const stage = scenario.stage?.() ?? {};
  await using world = await openChangeHarness(temporal);
  const batch = await startBatch(temporal, world);
  await stage.beforeWorker?.(batch);
  await using worker = await world.harness.startWorker(stage.faults);
  await using catalogueWorker = await startCatalogueWorker(
    temporal,
    world.harness,
    stage.wrapCatalogue === undefined ? {} : { wrapActivities: stage.wrapCatalogue },
  );
  await Promise.all([describeEnd(batch.handle), stage.meanwhile?.(batch)]);
  await stage.cleanUp?.();
  void worker;
  void catalogueWorker;
  const operation = await batch.findOperation();
  const { items = [] } = (operation.result ?? {}) as {
    items?: { outcome: string; code: string | null }[];
  };
  const { whole } = await world.harness.readElement();
  return {
    handle: batch.handle,
    aftermath: {
      state: operation.error?.code ?? operation.state,
      items: items.map(({ outcome, code }) => code ?? outcome),
      wholeFiles: whole.length,
    },
  };
}

async function startBatch(temporal: TemporalHarness, world: ChangeHarness): Promise<RunningBatch> {
  const { changes, operations } = world.harness.catalogue;
  const fileIds = [...(await world.storeFiles(3)), newFileId()];
  const operationId = newOperationId();
  const workflowId = batchWorkflowId(operationId);
  const items = fileIds.map((fileId) => ({ fileId, operationId: newOperationId() }));
  await changes.openBatchDeletion(
    { operationId, fileIds, startedBy: newAccountId(), onlyCreatedBy: null, graceMs: 0 },
    { workflowId, items },
  );
  const handle = await temporal.client.workflow.start(workflowTypes.batchDelete, {
    workflowId,
    taskQueue: catalogueQueueOf(world.harness),
    args: [{ operationId }],
  });
  const findOperation = async (): Promise<Operation> =>
    (await operations.findOperation(operationId))!;
  return { temporal, world, handle, fileIds, findOperation };
}

/** The step happens, and the first so many who asked for it are told that it failed. */
function failAfter(name: 'beginBatch' | 'openItem' | 'recordBatch' | 'finishBatch', times: number) {
  return (activities: CatalogueActivities): CatalogueActivities => {
    const step = activities[name] as (input: unknown) => Promise<unknown>;
    let calls = 0;
    const changed = async (input: unknown): Promise<unknown> => {
      const result = await step(input);
      calls += 1;
      if (calls <= times) throw new DomainError('CATALOGUE_UNAVAILABLE', 'A fault of the test.');
      return result;
    };
    return { ...activities, [name]: changed };
  };
}

const done: BatchAftermath = {
  state: 'completed',
  items: ['deleted', 'deleted', 'deleted', 'FILE_NOT_FOUND'],
  wholeFiles: 0,
};

export const batchScenarios: readonly BatchScenario[] = [
  { name: 'success', expected: done },
  {
    name: 'begin-fails',
    expected: { state: 'CATALOGUE_UNAVAILABLE', items: [], wholeFiles: 3 },
    stage: () => ({ wrapCatalogue: failAfter('beginBatch', Infinity) }),
  },
  {
    name: 'items-cannot-be-opened',
    expected: {
      state: 'completed',
      items: Array.from({ length: 4 }, () => 'CATALOGUE_UNAVAILABLE'),
      wholeFiles: 3,
    },
    stage: () => ({ wrapCatalogue: failAfter('openItem', Infinity) }),
  },
  {
    name: 'steps-recover',
    expected: done,
    stage: () => {
      const wraps = [
        failAfter('openItem', 1),
        failAfter('recordBatch', 3),
        failAfter('finishBatch', 3),
      ];
      return { wrapCatalogue: (own) => wraps.reduce((wrapped, wrap) => wrap(wrapped), own) };
    },
  },
  {
    name: 'given-up-before-it-began',
    expected: { state: 'OPERATION_CANCELLED', items: [], wholeFiles: 3 },
    stage: () => ({
      async beforeWorker({ world, findOperation }) {
        const { journal } = world.harness.catalogue;
        const { operationId } = await findOperation();
        const failure = { code: 'OPERATION_CANCELLED', detail: 'By the test.' } as const;
        await journal.finishOperation(operationId, ['pending'], { state: 'cancelled', failure });
      },
    }),
  },
  {
    name: 'cancelled-before-it-began',
    expected: { state: 'OPERATION_CANCELLED', items: [], wholeFiles: 3 },
    stage: () => ({ beforeWorker: async ({ handle }) => void (await handle.cancel()) }),
  },
  {
    name: 'cancelled-on-the-way',
    expected: { ...done, state: 'OPERATION_CANCELLED' },
    stage: () => {
      const gate = createGate();
      let begun = 0;
      return {
        faults: {
          wrapActivities: around('removeContent', async (step) => {
            begun += 1;
            await gate.pass();
            return step();
          }),
        },
        async meanwhile({ handle }) {
          await until('all three are past their commit points', () => begun >= 3);
          await handle.cancel();
          gate.open();
        },
      };
    },
  },
  {
    name: 'one-is-running-already',
    expected: { ...done, items: busyFirst(), wholeFiles: 1 },
    stage: holdFirst,
  },
];

function busyFirst(): string[] {
  return ['OPERATION_IN_PROGRESS', 'deleted', 'deleted', 'FILE_NOT_FOUND'];
}

/** A workflow of the first file's id runs where nobody serves it. */
function holdFirst(): Stage {
  let release = (): Promise<unknown> => Promise.resolve();
  return {
    async beforeWorker({ temporal, fileIds: [fileId] }) {
      const held = await temporal.client.workflow.start(workflowTypes.deleteFile, {
        workflowId: deleteFileWorkflowId(fileId!),
        taskQueue: `nobody-${fileId}`,
        args: [{}],
      });
      release = () => held.terminate('the test is over');
    },
    cleanUp: async () => void (await release()),
  };
}

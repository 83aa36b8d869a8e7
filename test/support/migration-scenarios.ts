import type { WorkflowHandle } from '@temporalio/client';
import { DomainError } from '#domain/errors.ts';
import type { Operation } from '#domain/operations.ts';
import { around, createGate, failBefore } from '#test/support/activity-faults.ts';
import { until, type TemporalHarness } from '#test/support/element-harness.ts';
import { killMigration } from '#test/support/killed-migration.ts';
import {
  openMigrationHarness,
  type MigrationHarness,
  type MigrationWorkers,
  type StartedMigration,
} from '#test/support/migration-harness.ts';
import { judgeMigration } from '#test/support/migration-verdict.ts';
import { migrateShardWorkflowId } from '#workflows/messages.ts';
import type { CatalogueActivities } from '#workers/catalogue-worker.ts';

/** One branch of `migrateAttributes` and of its shard. Each run goes over a hundred files. */
export interface MigrationScenario {
  /** Names the recorded histories too. */
  readonly name: string;
  readonly ends: Operation['state'];
  /** Code with which it ends. */
  readonly code?: string;
  readonly migrated: number | 'some';
  /** False: it has not come to a shard. */
  readonly hasShard?: false;
  readonly request?: Parameters<MigrationHarness['start']>[0];
  readonly stage?: () => Stage;
}

interface Stage {
  readonly workers?: MigrationWorkers;
  readonly beforeWorkers?: (world: RunningMigration) => Promise<void>;
  readonly meanwhile?: (world: RunningMigration) => Promise<void>;
  readonly isKilled?: true;
}

interface RunningMigration extends StartedMigration {
  readonly harness: MigrationHarness;
  readonly find: () => Promise<Operation>;
}

export interface PlayedMigration {
  readonly handle: WorkflowHandle;
  readonly shard: WorkflowHandle;
  readonly aftermath: {
    readonly ends: string;
    readonly code: string | null;
    readonly migrated: number;
  };
  readonly faults: readonly string[];
}

export const migratedFiles = 100;

export async function playMigration(
  temporal: TemporalHarness,
  scenario: MigrationScenario,
): Promise<PlayedMigration> {
  const stage = scenario.stage?.() ?? {};
  await using harness = await openMigrationHarness(temporal);
  const files = await harness.adoptMany(migratedFiles);
  const start = (): Promise<StartedMigration> => harness.start(scenario.request);
  const death = { stopAt: 'inside writeSidecars', visit: 2 } as const;
  const run = stage.isKilled
    ? await killMigration({ temporal, harness }, death, start)
    : await start();
  const world = { ...run, harness, find: () => harness.find(run.operationId) };
  await stage.beforeWorkers?.(world);
  await using workers = await harness.startWorkers(stage.workers);
  await stage.meanwhile?.(world);
  const operation = await harness.end(run);
  void workers;
  const { migrated, faults } = await judgeMigration(harness, run.operationId, files);
  return {
    handle: run.handle,
    shard: temporal.client.workflow.getHandle(migrateShardWorkflowId(run.operationId, 0)),
    aftermath: { ends: operation.state, code: operation.error?.code ?? null, migrated },
    faults,
  };
}

type Named = (activities: CatalogueActivities) => CatalogueActivities;

function failCatalogue(
  name: 'beginMigration' | 'planMigration' | 'finishMigration',
  times: number,
): Named {
  return (activities) => {
    const step = activities[name] as (input: unknown) => Promise<unknown>;
    let calls = 0;
    const changed = (input: unknown): Promise<unknown> => {
      calls += 1;
      return calls <= times ? Promise.reject(unavailable()) : step(input);
    };
    return { ...activities, [name]: changed };
  };
}

const unavailable = (): DomainError =>
  new DomainError('CATALOGUE_UNAVAILABLE', 'A fault of the test.');

/** The n-th batch of a shard waits at a door. */
function holdBatch(atCall: number) {
  const gate = createGate();
  const wrapActivities = around('migrateBatch', async (step, call) => {
    if (call === atCall) await gate.pass();
    return step();
  });
  return { gate, workers: { element: { wrapActivities } } };
}

export const migrationScenarios: readonly MigrationScenario[] = [
  { name: 'success', ends: 'completed', migrated: migratedFiles, request: { concurrency: 2 } },
  {
    name: 'success-in-shards',
    ends: 'completed',
    migrated: migratedFiles,
    request: { concurrency: 1, batchSize: 20 },
  },
  {
    name: 'given-up-before-it-began',
    ends: 'failed',
    code: 'WORKFLOWS_UNAVAILABLE',
    migrated: 0,
    hasShard: false,
    stage: () => ({
      async beforeWorkers({ harness, operationId }) {
        const failure = { code: 'WORKFLOWS_UNAVAILABLE', detail: 'By the test.' } as const;
        const { journal } = harness.harness.catalogue;
        await journal.finishOperation(operationId, ['pending'], { state: 'failed', failure });
      },
    }),
  },
  {
    name: 'begin-fails',
    ends: 'failed',
    code: 'CATALOGUE_UNAVAILABLE',
    migrated: 0,
    hasShard: false,
    stage: () => ({
      workers: { catalogue: { wrapActivities: failCatalogue('beginMigration', Infinity) } },
    }),
  },
  {
    name: 'steps-recover',
    ends: 'completed',
    migrated: migratedFiles,
    stage: () => ({
      workers: {
        catalogue: {
          wrapActivities: (activities) =>
            [
              failCatalogue('beginMigration', 1),
              failCatalogue('planMigration', 1),
              failCatalogue('finishMigration', 3),
            ].reduce((wrapped, wrap) => wrap(wrapped), activities),
        },
        element: { wrapActivities: failBefore('migrateBatch', 'ELEMENT_UNAVAILABLE', 2) },
      },
    }),
  },
  {
    name: 'shard-fails',
    ends: 'failed',
    code: 'TEMPLATE_NOT_FOUND',
    migrated: 0,
    stage: () => ({
      workers: { element: { wrapActivities: failBefore('migrateBatch', 'TEMPLATE_NOT_FOUND') } },
    }),
  },
  {
    name: 'cancelled-before-it-began',
    ends: 'cancelled',
    code: 'OPERATION_CANCELLED',
    migrated: 0,
    hasShard: false,
    stage: () => ({ beforeWorkers: async ({ handle }) => void (await handle.cancel()) }),
  },
  {
    name: 'cancelled-on-the-way',
    ends: 'cancelled',
    code: 'OPERATION_CANCELLED',
    migrated: 'some',
    stage: () => {
      const { gate, workers } = holdBatch(1);
      return {
        workers,
        async meanwhile({ harness, find }) {
          await gate.reached;
          await harness.world.lifecycle.cancelOperation(await find());
          gate.open();
        },
      };
    },
  },
  {
    name: 'held-and-woken',
    ends: 'completed',
    migrated: migratedFiles,
    request: { concurrency: 2, batchSize: 50 },
    stage: () => ({
      beforeWorkers: async ({ harness, find }) => harness.migrations.pauseOperation(await find()),
      async meanwhile({ harness, find, operationId }) {
        await until('a shard has begun', async () => {
          const report = await harness.runs.readReport(operationId);
          return report?.shards.some(({ state }) => state === 'running') === true;
        });
        const pace = { concurrency: 1, filesPerSecond: null };
        await harness.migrations.changePace(await find(), pace);
        await harness.migrations.resumeOperation(await find());
      },
    }),
  },
  {
    name: 'killed-inside-a-chunk',
    ends: 'completed',
    migrated: migratedFiles,
    stage: () => ({ isKilled: true }),
  },
];

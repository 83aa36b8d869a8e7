import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { ErrorCode } from '#domain/errors.ts';
import type { Operation } from '#domain/operations.ts';
import { around, failAfter, failBefore } from '#test/support/activity-faults.ts';
import { until, type TemporalHarness } from '#test/support/element-harness.ts';
import { killAfter, repairPoints, type RepairPoint } from '#test/support/killed-reconcile.ts';
import {
  openReconcileHarness,
  quickPace,
  type ReconcileHarness,
  type ReconcileWorkerOptions,
  type Reconciled,
} from '#test/support/reconcile-harness.ts';

interface ReconcileScenario {
  readonly name: string;
  readonly apply: boolean;
  readonly ends: Operation['state'];
  readonly code?: ErrorCode;
  /** Rows added and contents set aside; everything that can be repaired, or nothing. */
  readonly repairs: 'all' | 'nothing';
  readonly mode?: 'ro';
  /** Of files without a row: two, unless said otherwise. */
  readonly damaged?: number;
  readonly isGivenUp?: true;
  /** The run is one that goes on for another. */
  readonly isResumed?: true;
  /** The worker is killed there, and another one goes on. */
  readonly isKilledAfter?: RepairPoint;
  /** When it has come to this step. */
  readonly isCancelledIn?: 'compareFiles' | 'repairFindings';
  readonly worker?: ReconcileWorkerOptions;
}

export interface PlayedReconciliation extends Reconciled {
  readonly handle: WorkflowHandle;
  /** Of files in the catalogue, and of contents in quarantine. */
  readonly after: { readonly rows: number; readonly quarantined: number };
}

const soundFiles = 4;
const orphans = ['a.pdf', 'b.pdf', 'c.pdf'].map((name) => `2020/01/02/03/${name}`);
const inTurns: ReconcileWorkerOptions = { pace: { ...quickPace, batchFiles: 1, turnMs: 1 } };

/** Every branch of `reconcileElement`. */
export const reconcileScenarios: readonly ReconcileScenario[] = [
  { name: 'success', apply: false, ends: 'completed', repairs: 'nothing' },
  { name: 'success-with-repairs', apply: true, ends: 'completed', repairs: 'all' },
  {
    name: 'success-in-turns',
    apply: true,
    ends: 'completed',
    repairs: 'all',
    worker: inTurns,
  },
  {
    name: 'too-many-findings',
    apply: true,
    ends: 'failed',
    code: 'TOO_MANY_FINDINGS',
    repairs: 'nothing',
    damaged: 11,
  },
  {
    name: 'refused-by-mode',
    apply: true,
    ends: 'failed',
    code: 'MODE_FORBIDS_OPERATION',
    repairs: 'nothing',
    mode: 'ro',
  },
  {
    name: 'given-up-before-it-began',
    apply: true,
    ends: 'failed',
    code: 'WORKFLOWS_UNAVAILABLE',
    repairs: 'nothing',
    isGivenUp: true,
  },
  {
    name: 'begin-fails',
    apply: true,
    ends: 'failed',
    code: 'WORKFLOWS_UNAVAILABLE',
    repairs: 'nothing',
    worker: { wrapActivities: failBefore('beginReconcile', 'REQUEST_INVALID') },
  },
  {
    name: 'compare-recovers',
    apply: true,
    ends: 'completed',
    repairs: 'all',
    worker: { wrapActivities: failAfter('compareFiles', 'CATALOGUE_UNAVAILABLE', 2) },
  },
  {
    name: 'compare-fails',
    apply: true,
    ends: 'failed',
    code: 'WORKFLOWS_UNAVAILABLE',
    repairs: 'nothing',
    worker: { wrapActivities: failAfter('compareFiles', 'REQUEST_INVALID') },
  },
  {
    name: 'repair-recovers',
    apply: true,
    ends: 'completed',
    repairs: 'all',
    worker: { wrapActivities: failAfter('repairFindings', 'ELEMENT_UNAVAILABLE', 2) },
  },
  {
    name: 'repair-fails-after-the-fact',
    apply: true,
    ends: 'failed',
    code: 'WORKFLOWS_UNAVAILABLE',
    repairs: 'all',
    worker: { wrapActivities: failAfter('repairFindings', 'REQUEST_INVALID') },
  },
  {
    name: 'end-recovers',
    apply: true,
    ends: 'completed',
    repairs: 'all',
    worker: { wrapActivities: failAfter('completeReconcile', 'CATALOGUE_UNAVAILABLE', 2) },
  },
  { name: 'goes-on-in-a-new-run', apply: true, ends: 'completed', repairs: 'all', isResumed: true },
  ...repairPoints.map((point): ReconcileScenario => ({
    name: `killed-after-${point.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    apply: true,
    ends: 'completed',
    repairs: 'all',
    isKilledAfter: point,
  })),
  {
    name: 'cancelled-while-it-compares',
    apply: true,
    ends: 'cancelled',
    code: 'OPERATION_CANCELLED',
    repairs: 'nothing',
    isCancelledIn: 'compareFiles',
  },
  {
    name: 'cancelled-while-it-repairs',
    apply: true,
    ends: 'cancelled',
    code: 'OPERATION_CANCELLED',
    repairs: 'nothing',
    isCancelledIn: 'repairFindings',
  },
];

export async function playReconciliation(
  temporal: TemporalHarness,
  scenario: ReconcileScenario,
): Promise<PlayedReconciliation> {
  await using harness = await openReconcileHarness(temporal);
  await makeRepairable(harness, scenario.damaged ?? 2);
  if (scenario.mode !== undefined) await harness.setMode(scenario.mode);
  const started = await (scenario.isResumed ? harness.startAnew() : harness.start(scenario.apply));
  if (scenario.isKilledAfter !== undefined) {
    await killAfter({ temporal, harness, point: scenario.isKilledAfter });
  }
  if (scenario.isGivenUp === true) await giveUp(harness, started.operationId);
  const { isCancelledIn } = scenario;
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  await using worker = await harness.startWorker({
    ...scenario.worker,
    ...(isCancelledIn === undefined
      ? {}
      : {
          wrapActivities: around(isCancelledIn, async (step) => {
            reach();
            await hearOfCancel();
            return step();
          }),
        }),
  });
  if (isCancelledIn !== undefined) {
    await reached;
    await started.handle.cancel();
  }
  const ended = await harness.findEnd(started);
  void worker;
  const { rows } = await harness.takeSnapshot();
  return {
    ...ended,
    handle: started.handle,
    after: { rows: rows.length, quarantined: (await harness.listQuarantine()).length },
  };
}

/** An activity is told of it in answer to a heartbeat. */
async function hearOfCancel(): Promise<void> {
  const context = Context.current();
  await until('the step has heard of the cancel', () => {
    context.heartbeat();
    return context.cancellationSignal.aborted;
  });
}

/** Sound files, files without a row, and contents without a sidecar. */
async function makeRepairable(harness: ReconcileHarness, damaged: number): Promise<void> {
  const { world } = harness;
  const fileIds = await world.storeFiles(soundFiles + damaged);
  await world.harness.catalogue.database.query(
    { text: 'delete from files where file_id = any($1::uuid[])' },
    [fileIds.slice(soundFiles)],
  );
  for (const path of orphans) await harness.put(path, path, 48);
}

/** What an untouched and a repaired catalogue have. */
export function expectedAfter({ repairs, damaged = 2 }: ReconcileScenario): object {
  return repairs === 'all'
    ? { rows: soundFiles + damaged, quarantined: orphans.length }
    : { rows: soundFiles, quarantined: 0 };
}

async function giveUp(harness: ReconcileHarness, operationId: string): Promise<void> {
  await harness.world.harness.catalogue.database.query(
    {
      text: `update operations set state = 'failed', failure_code = 'WORKFLOWS_UNAVAILABLE',
        failure_detail = '', finished_at = now() where operation_id = $1`,
    },
    [operationId],
  );
}

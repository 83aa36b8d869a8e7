import { Context } from '@temporalio/activity';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import { isDomainError } from '#domain/errors.ts';
import type { ElementId, OperationId } from '#domain/ids.ts';
import { instantToMillis, type Instant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { CatalogueRebuild } from '#domain/ports/catalogue-rebuild.ts';
import type { ElementLock } from '#domain/ports/element-lock.ts';
import type { ElementRows } from '#domain/ports/element-rows.ts';
import type { ElementAccess, ObjectStore } from '#domain/ports/object-store.ts';
import type { OperationFailures } from '#domain/ports/operation-failures.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import type { OperationRegistry } from '#domain/ports/operation-registry.ts';
import {
  progressOfRun,
  requireRepairsPermitted,
  resultOfRun,
  type ReconcileRun,
  type RepairRun,
} from '#domain/reconcile/reconcile-run.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { requireLock } from './element-steps.ts';
import type { Looking } from './reconcile-look.ts';
import { repairBatch, type Repair } from './reconcile-repair.ts';
import { compareBatches } from './reconcile-turn.ts';
import { whileBeating } from './while-beating.ts';

export interface ReconcileElementPorts {
  readonly elementId: ElementId;
  readonly elements: ElementAccess;
  /** The right of this process to change the element's visible tree. */
  readonly lock: Pick<ElementLock, 'isHeld'>;
  readonly rows: ElementRows;
  readonly rebuild: Pick<CatalogueRebuild, 'digestListing' | 'findMode' | 'findStandings'>;
  readonly failures: Pick<OperationFailures, 'recordFailures' | 'listFailures'>;
  readonly journal: Pick<OperationJournal, 'beginOperation' | 'recordProgress' | 'finishOperation'>;
  readonly operations: Pick<OperationRegistry, 'findOperation'>;
  readonly codec: Pick<AttributesCodec, 'parseSidecar' | 'parseAttributes' | 'encodeForCatalogue'>;
  /** Lower-case hex. */
  readonly sha256Hex: (bytes: Uint8Array) => string;
  /** As the limits and constants of the same names, unless a test says otherwise. */
  readonly pace?: {
    readonly batchFiles?: number;
    readonly turnMs?: number;
    readonly pauseMs?: number;
    readonly graceMs?: number;
  };
}

interface Reconciliation {
  readonly operationId: OperationId;
  /** When it was asked for, as its row says: what is young is told by it. */
  readonly startedAt: Instant;
}

export type ReconcileStart =
  | {
      readonly kind: 'begun';
      readonly apply: boolean;
      readonly startedAt: Instant;
      readonly rowCount: number;
    }
  | { readonly kind: 'refused'; readonly failure: UploadFailure };

export interface ReconcileEnding {
  readonly operationId: OperationId;
  readonly run: ReconcileRun;
  readonly repair: RepairRun | null;
}

export type ReconcileElementActivities = ReturnType<typeof createReconcileElementActivities>;

const usualTurnMs = 600_000;

/**
 * The steps of `reconcileElement`. How far it has come is carried by the workflow, and by the
 * heartbeats of a step: each may be repeated from there, and each file counts once.
 */
export function createReconcileElementActivities(ports: ReconcileElementPorts) {
  const { elementId, rebuild, journal, operations, rows } = ports;
  return {
    /** @returns null when the operation was given up before its workflow came to it. */
    async beginReconcile({
      operationId,
    }: Pick<Reconciliation, 'operationId'>): Promise<ReconcileStart | null> {
      const begun = await journal.beginOperation(operationId);
      const operation = await operations.findOperation(operationId);
      if (begun === null || operation === null) return null;
      const apply = begun.input?.['apply'] === true;
      const failure = apply ? refuseRepairs(await rebuild.findMode(elementId)) : null;
      if (failure !== null) return { kind: 'refused', failure };
      const rowCount = await rows.countRows(elementId);
      return { kind: 'begun', apply, startedAt: operation.createdAt, rowCount };
    },

    /** One turn: from where the last one, or a killed attempt, has come to. */
    compareFiles: (
      order: Reconciliation & { readonly rowCount: number; readonly run: ReconcileRun },
    ): Promise<ReconcileRun> => compareFiles(ports, order),

    /** The same, for the repair of what was found. */
    repairFindings: (order: Reconciliation & { readonly repair: RepairRun }): Promise<RepairRun> =>
      repairFindings(ports, order),

    /** The end of a reconciliation that has seen the whole element. */
    completeReconcile: ({ operationId, run, repair }: ReconcileEnding): Promise<void> =>
      whileBeating(null, async () => {
        const signal = Context.current().cancellationSignal;
        const listingDigest = await rebuild.digestListing(elementId, signal);
        const result = resultOfRun(run, { repair, listingDigest });
        await journal.finishOperation(operationId, ['pending', 'running'], {
          state: 'completed',
          result,
        });
      }),

    /** What was found and repaired until now stays, and its result says what it is. */
    async giveUpReconcile(
      ending: Pick<ReconcileEnding, 'operationId'> & {
        readonly standing: Pick<ReconcileEnding, 'run' | 'repair'> | null;
        readonly failure: UploadFailure;
      },
    ): Promise<void> {
      const { operationId, standing, failure } = ending;
      await journal.finishOperation(operationId, ['pending', 'running'], {
        state: failure.code === 'OPERATION_CANCELLED' ? 'cancelled' : 'failed',
        failure,
        ...(standing === null
          ? {}
          : { result: resultOfRun(standing.run, { ...standing, listingDigest: null }) }),
      });
    },
  };
}

function refuseRepairs(mode: Parameters<typeof requireRepairsPermitted>[0]): UploadFailure | null {
  try {
    requireRepairsPermitted(mode);
    return null;
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return { code: error.code, detail: error.message };
  }
}

async function compareFiles(
  ports: ReconcileElementPorts,
  order: Reconciliation & { readonly rowCount: number; readonly run: ReconcileRun },
): Promise<ReconcileRun> {
  const { journal, failures, rows, sha256Hex, pace } = ports;
  const { operationId, rowCount } = order;
  const context = Context.current();
  const turn = AbortSignal.timeout(pace?.turnMs ?? usualTurnMs);
  let run = (context.info.heartbeatDetails as ReconcileRun | undefined) ?? order.run;
  return whileBeating(
    () => run,
    async () => {
      // A repetition of a turn whose last word got lost.
      if (run.isWhole) return run;
      const element = await ports.elements.openElement(ports.elementId);
      const looking = await startLooking(ports, element, order);
      const batches = compareBatches(
        {
          ...looking,
          operationId,
          element,
          rows,
          failures,
          sha256Hex,
          batchFiles: pace?.batchFiles ?? limits.reconcileBatchFiles,
          pause: () => context.sleep(pace?.pauseMs ?? limits.reconcilePauseMs),
        },
        run,
      );
      for await (const next of batches) {
        run = next;
        context.heartbeat(run);
        await journal.recordProgress(operationId, progressOfRun(run, rowCount));
        if (turn.aborted) break;
      }
      return run;
    },
  );
}

async function repairFindings(
  ports: ReconcileElementPorts,
  order: Reconciliation & { readonly repair: RepairRun },
): Promise<RepairRun> {
  const { failures, rows, rebuild, codec, pace, elementId } = ports;
  const context = Context.current();
  const turn = AbortSignal.timeout(pace?.turnMs ?? usualTurnMs);
  let run = (context.info.heartbeatDetails as RepairRun | undefined) ?? order.repair;
  return whileBeating(
    () => run,
    async () => {
      const element = await ports.elements.openElement(elementId);
      const repair: Repair = {
        ...(await startLooking(ports, element, order)),
        operationId: order.operationId,
        startedAt: order.startedAt,
        writer: element,
        rows,
        failures,
        codec,
        batchFiles: pace?.batchFiles ?? limits.repairBatchFiles,
        async requirePermission() {
          requireRepairsPermitted(await rebuild.findMode(elementId));
          requireLock(ports);
        },
      };
      while (!run.isWhole) {
        context.cancellationSignal.throwIfAborted();
        run = await repairBatch(repair, run);
        context.heartbeat(run);
        if (turn.aborted) break;
      }
      return run;
    },
  );
}

async function startLooking(
  { elementId, rebuild, rows, codec, pace }: ReconcileElementPorts,
  element: ObjectStore,
  { startedAt }: Reconciliation,
): Promise<Looking> {
  const graceMs = pace?.graceMs ?? limits.stagingGraceHours * 3_600_000;
  return {
    elementId,
    element,
    mode: await rebuild.findMode(elementId),
    rows,
    rebuild,
    codec,
    orphanedBeforeMs: instantToMillis(startedAt) - graceMs,
    signal: Context.current().cancellationSignal,
  };
}

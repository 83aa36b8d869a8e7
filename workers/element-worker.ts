import { setTimeout as sleep } from 'node:timers/promises';
import {
  Worker,
  type Logger,
  type NativeConnection,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { createChangeActivities, type ChangeActivities } from '#activities/change-activities.ts';
import type { ChangePorts } from '#activities/change-steps.ts';
import {
  createChangeSweepActivities,
  type ChangeSweepActivities,
} from '#activities/change-sweep-activities.ts';
import { createGroupTurns, type GroupTurns } from '#activities/group-turns.ts';
import {
  createMigrateShardActivities,
  type MigrateShardActivities,
  type MigrateShardPorts,
} from '#activities/migrate-shard-activities.ts';
import { settleHeldFiles } from '#activities/migration-settlement.ts';
import {
  createRebuildCatalogueActivities,
  type RebuildCatalogueActivities,
  type RebuildCataloguePorts,
} from '#activities/rebuild-catalogue-activities.ts';
import {
  createReconcileElementActivities,
  type ReconcileElementActivities,
  type ReconcileElementPorts,
} from '#activities/reconcile-element-activities.ts';
import {
  createStoreFilesActivities,
  type StoreFilesActivities,
} from '#activities/store-files-activities.ts';
import {
  createSweepActivities,
  type SweepActivities,
  type SweepPorts,
} from '#activities/sweep-activities.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { ElementLock } from '#domain/ports/element-lock.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { FileChanges } from '#domain/ports/file-changes.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { WorkflowDirectory } from '#domain/ports/workflow-directory.ts';
import { elementTaskQueue, storeFilesWorkflowId } from '#workflows/messages.ts';
import { createDomainFailureInterceptor } from './domain-failure-interceptor.ts';

export type ElementActivities = StoreFilesActivities &
  SweepActivities &
  ChangeActivities &
  ChangeSweepActivities &
  Partial<RebuildCatalogueActivities & ReconcileElementActivities & MigrateShardActivities>;

export interface ElementWorkerOptions {
  readonly elementId: ElementId;
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly workflowBundle: WorkflowBundleWithSourceMap;
  readonly registry: UploadRegistry;
  readonly changes: FileChanges;
  readonly journal: OperationJournal;
  /** Told of every change before its caller is. */
  readonly cache?: Pick<FileCache, 'invalidateFiles'>;
  readonly elements: ElementAccess;
  readonly directory: WorkflowDirectory;
  /** Waits until the lock is ours. */
  readonly openLock: (elementId: ElementId, signal: AbortSignal) => Promise<ElementLock>;
  readonly logger: Logger;
  /** Ends the worker: what is under way is finished first, within limits. */
  readonly signal: AbortSignal;
  /** Called each time the worker takes tasks from now on. */
  readonly onServing?: () => void;
  /** Fault tests put their barriers around activities here. */
  readonly wrapActivities?: (activities: ElementActivities) => ElementActivities;
  readonly sweepAges?: SweepPorts['ages'];
  /** For whoever serves the element again in the same process: what hangs is still waited for. */
  readonly turns?: ElementTurns;
  /** Without it the catalogue is not rebuilt from here. */
  readonly rebuild?: Omit<RebuildCataloguePorts, 'elementId' | 'elements' | 'journal'>;
  /** Without it the element is not reconciled from here. */
  readonly reconcile?: Omit<ReconcileElementPorts, 'elementId' | 'elements' | 'journal' | 'lock'>;
  /** Without it attributes are not migrated from here. */
  readonly migrate?: MigrateParts;
}

type MigrateParts = Omit<
  MigrateShardPorts,
  'elementId' | 'elements' | 'journal' | 'cache' | keyof Tenure
>;

/** In which no two steps of one group, of one file, or of one part of a migration, ever overlap. */
export interface ElementTurns {
  readonly turns: GroupTurns;
  readonly fileTurns: GroupTurns<FileId>;
  readonly shardTurns: GroupTurns<string>;
}

export function createElementTurns(): ElementTurns {
  return {
    turns: createGroupTurns(),
    fileTurns: createGroupTurns<FileId>(),
    shardTurns: createGroupTurns<string>(),
  };
}

/** `temporal.yaml` declares the same numbers. */
export const elementWorkerTuning = {
  // Few: each poll is a connection's worth of work for the server even when nothing comes.
  maxConcurrentWorkflowTaskPolls: 4,
  maxConcurrentActivityTaskPolls: 2,
  maxConcurrentWorkflowTaskExecutions: 16,
  maxConcurrentActivityTaskExecutions: 8,
  maxConcurrentLocalActivityExecutions: 16,
} as const;

const shutdown = { shutdownGraceTime: 10_000, shutdownForceTime: 20_000 };
const restartPauseMs = 1_000;

/**
 * Serves one element: takes tasks only while this process has the right to write to it. When the
 * right is lost it stops, and goes on when it has it again. Resolves when `signal` is aborted.
 */
export async function runElementWorker(options: ElementWorkerOptions): Promise<void> {
  const { elementId, signal, logger } = options;
  // Outlive each right to write: what hangs from the time before is still waited for.
  const turns = options.turns ?? createElementTurns();
  while (!signal.aborted) {
    try {
      await using lock = await options.openLock(elementId, signal);
      await serve(options, { lock, ...turns });
    } catch (error) {
      if (signal.aborted) return;
      logger.error('the worker of an element ended and starts again', { elementId, error });
      await sleep(restartPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

interface Tenure extends ElementTurns {
  readonly lock: ElementLock;
}

async function serve(options: ElementWorkerOptions, tenure: Tenure): Promise<void> {
  const worker = await Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: elementTaskQueue(options.elementId),
    workflowBundle: options.workflowBundle,
    activities: composeActivities(options, tenure),
    interceptors: { activity: [createDomainFailureInterceptor()] },
    ...elementWorkerTuning,
    ...shutdown,
    // A group is one task, which never goes to the sticky queue.
    nonStickyToStickyPollRatio: 0.5,
    // What a killed worker had in its cache is taken over by the next one after this time.
    stickyQueueScheduleToStartTimeout: 1_000,
    maxCachedWorkflows: 64,
    workflowThreadPoolSize: 1,
  });
  const stop = AbortSignal.any([options.signal, tenure.lock.lost]);
  const running = worker.run();
  const shutDown = (): void => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  stop.addEventListener('abort', shutDown, { once: true });
  if (stop.aborted) shutDown();
  options.onServing?.();
  try {
    await running;
  } finally {
    stop.removeEventListener('abort', shutDown);
  }
}

function composeActivities(options: ElementWorkerOptions, tenure: Tenure): ElementActivities {
  const { elementId, elements, registry, directory, sweepAges } = options;
  const ports = { elementId, elements, registry, ...tenure };
  const migrate = composeMigrate(options, tenure);
  const changePorts: ChangePorts = {
    ...ports,
    directory,
    changes: options.changes,
    journal: options.journal,
    ...(options.cache === undefined ? {} : { cache: options.cache }),
    ...(migrate === null ? {} : { settleMigrated: (...held) => settleHeldFiles(migrate, ...held) }),
  };
  const activities: ElementActivities = {
    ...createStoreFilesActivities(ports),
    ...createSweepActivities({
      ...ports,
      directory,
      workflowOfGroup: storeFilesWorkflowId,
      ...(sweepAges === undefined ? {} : { ages: sweepAges }),
    }),
    ...createChangeActivities(changePorts),
    ...createChangeSweepActivities({
      ...changePorts,
      ...(sweepAges?.stalledGroupIdleMs === undefined
        ? {}
        : { ages: { stalledGroupIdleMs: sweepAges.stalledGroupIdleMs } }),
    }),
    ...(options.rebuild === undefined
      ? {}
      : createRebuildCatalogueActivities({
          ...options.rebuild,
          elementId,
          elements,
          journal: options.journal,
        })),
    ...(options.reconcile === undefined
      ? {}
      : createReconcileElementActivities({
          ...options.reconcile,
          elementId,
          elements,
          journal: options.journal,
          lock: tenure.lock,
        })),
    ...(migrate === null ? {} : createMigrateShardActivities(migrate)),
  };
  return options.wrapActivities?.(activities) ?? activities;
}

function composeMigrate(
  { migrate, elementId, elements, journal, cache }: ElementWorkerOptions,
  tenure: Tenure,
): MigrateShardPorts | null {
  if (migrate === undefined) return null;
  const ports = { ...migrate, ...tenure, elementId, elements, journal };
  return cache === undefined ? ports : { ...ports, cache };
}

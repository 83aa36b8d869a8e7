import { setTimeout as sleep } from 'node:timers/promises';
import {
  Worker,
  type Logger,
  type NativeConnection,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { createBatchActivities, type BatchActivities } from '#activities/batch-activities.ts';
import {
  createFollowOutboxActivities,
  type FollowOutboxActivities,
  type FollowOutboxPorts,
} from '#activities/follow-outbox-activities.ts';
import {
  createMigrateAttributesActivities,
  type MigrateAttributesActivities,
  type MigrateAttributesPorts,
} from '#activities/migrate-attributes-activities.ts';
import {
  createReindexSearchActivities,
  type ReindexSearchActivities,
  type ReindexSearchPorts,
} from '#activities/reindex-search-activities.ts';
import type { FileCatalogue } from '#domain/ports/file-catalogue.ts';
import type { FileChanges } from '#domain/ports/file-changes.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import { catalogueTaskQueue, deleteFileWorkflowId } from '#workflows/messages.ts';
import { createDomainFailureInterceptor } from './domain-failure-interceptor.ts';

export type CatalogueActivities = BatchActivities &
  Partial<FollowOutboxActivities & ReindexSearchActivities & MigrateAttributesActivities>;

export interface CatalogueWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly workflowBundle: WorkflowBundleWithSourceMap;
  readonly changes: FileChanges;
  readonly catalogue: FileCatalogue;
  readonly journal: OperationJournal;
  /** The outbox and where its consumers take what changed; without it nobody follows it here. */
  readonly feed?: Omit<FollowOutboxPorts, 'stopping'>;
  /** The search index and what fills it; without it nobody fills one here. */
  readonly reindex?: Omit<ReindexSearchPorts, 'catalogue' | 'journal'>;
  /** Runs of migrations; without them nobody begins one here. */
  readonly migrate?: Omit<MigrateAttributesPorts, 'journal'>;
  readonly logger: Logger;
  /** Ends the worker: what is under way is finished first, within limits. */
  readonly signal: AbortSignal;
  /** Called each time the worker takes tasks from now on. */
  readonly onServing?: () => void;
  /** Tests give theirs a queue of its own. */
  readonly taskQueue?: string;
  /** Fault tests put their barriers around activities here. */
  readonly wrapActivities?: (activities: CatalogueActivities) => CatalogueActivities;
}

/** `temporal.yaml` declares the same numbers. */
export const catalogueWorkerTuning = {
  maxConcurrentWorkflowTaskPolls: 2,
  maxConcurrentActivityTaskPolls: 2,
  maxConcurrentWorkflowTaskExecutions: 8,
  maxConcurrentActivityTaskExecutions: 8,
  maxConcurrentLocalActivityExecutions: 16,
} as const;

const shutdown = { shutdownGraceTime: 10_000, shutdownForceTime: 20_000 };
const restartPauseMs = 1_000;

/** Serves work that belongs to no element. Any number of processes may. */
export async function runCatalogueWorker(options: CatalogueWorkerOptions): Promise<void> {
  const { signal, logger } = options;
  while (!signal.aborted) {
    try {
      await serve(options);
    } catch (error) {
      if (signal.aborted) return;
      logger.error('the worker of the catalogue ended and starts again', { error });
      await sleep(restartPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function serve(options: CatalogueWorkerOptions): Promise<void> {
  const { signal } = options;
  const worker = await Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue ?? catalogueTaskQueue,
    workflowBundle: options.workflowBundle,
    activities: composeActivities(options),
    interceptors: { activity: [createDomainFailureInterceptor()] },
    ...catalogueWorkerTuning,
    ...shutdown,
    // What a killed worker had in its cache is taken over by the next one after this time.
    stickyQueueScheduleToStartTimeout: 1_000,
    maxCachedWorkflows: 64,
    workflowThreadPoolSize: 1,
  });
  const running = worker.run();
  const shutDown = (): void => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  signal.addEventListener('abort', shutDown, { once: true });
  if (signal.aborted) shutDown();
  options.onServing?.();
  try {
    await running;
  } finally {
    signal.removeEventListener('abort', shutDown);
  }
}

function composeActivities(options: CatalogueWorkerOptions): CatalogueActivities {
  const { changes, catalogue, journal, feed, reindex, migrate, signal } = options;
  const activities: CatalogueActivities = {
    ...createBatchActivities({
      changes,
      catalogue,
      journal,
      workflowOfDeletion: deleteFileWorkflowId,
    }),
    ...(feed === undefined ? {} : createFollowOutboxActivities({ ...feed, stopping: signal })),
    ...(reindex === undefined
      ? {}
      : createReindexSearchActivities({ ...reindex, catalogue, journal })),
    ...(migrate === undefined ? {} : createMigrateAttributesActivities({ ...migrate, journal })),
  };
  return options.wrapActivities?.(activities) ?? activities;
}

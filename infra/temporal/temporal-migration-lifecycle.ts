import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { attributesVersions } from '#domain/attributes/versions.ts';
import { DomainError } from '#domain/errors.ts';
import type { AccountId, OperationId } from '#domain/ids.ts';
import type { MigrationRun } from '#domain/migrations/migration-run.ts';
import type { MigrationLifecycle } from '#domain/ports/migration-lifecycle.ts';
import type { MigrationRuns } from '#domain/ports/migration-runs.ts';
import type { Operation } from '#domain/operations.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import {
  catalogueTaskQueue,
  migrateAttributesWorkflowId,
  migrateShardWorkflowId,
  signalNames,
  workflowTypes,
  type MigrateAttributesInput,
} from '#workflows/messages.ts';
import { startOperation, type OperationStarterParts } from './start-operation.ts';

export interface MigrationLifecycleParts {
  readonly client: Client;
  readonly runs: Pick<
    MigrationRuns,
    'openRun' | 'findRun' | 'setPaused' | 'changePace' | 'listShards'
  >;
  readonly journal: Pick<OperationJournal, 'finishOperation'>;
  readonly operations: OperationStarterParts['operations'];
  /** Tests have queues of their own. */
  readonly catalogueTaskQueue?: string;
  /** Told of whoever could not be woken: what waits looks by itself, later. */
  readonly onUnwoken?: (error: unknown) => void;
}

interface NewRun {
  readonly operationId: OperationId;
  readonly startedBy: AccountId;
}

const signalTimeoutMs = 5_000;

/** Runs are rows first: whatever a workflow does not hear of it reads from them. */
export function createTemporalMigrationLifecycle(
  parts: MigrationLifecycleParts,
): MigrationLifecycle {
  const { runs } = parts;

  async function findFinished(ofRun: OperationId): Promise<MigrationRun> {
    const found = await runs.findRun(ofRun);
    if (found === null) {
      throw new DomainError('OPERATION_NOT_FOUND', 'There is no migration with this id.');
    }
    if (found.isFinished) return found.run;
    throw new DomainError('OPERATION_STATE_FORBIDS', 'The run has not ended yet.');
  }

  return {
    async startMigration({ request, ...run }) {
      requireVersions(request);
      const source = request.selection.fileIds === null ? 'catalogue' : 'named-files';
      const { operationId: rootRun } = run;
      await start(parts, run, {
        action: 'migrate',
        work: 'migrate',
        source,
        ofRun: null,
        rootRun,
        request,
      });
    },

    async startRetry({ ofRun, ...run }) {
      const { work, rootRun, request } = await findFinished(ofRun);
      const source = 'failures';
      await start(parts, run, { action: 'retry', work, source, ofRun, rootRun, request });
    },

    async startRevert({ ofRun, ...run }) {
      const { action, rootRun, request } = await findFinished(ofRun);
      if (action !== 'migrate') {
        throw new DomainError(
          'OPERATION_STATE_FORBIDS',
          `Only a first run can be reverted, with all of its retries: ${rootRun}.`,
        );
      }
      if (request.dryRun) {
        throw new DomainError('OPERATION_STATE_FORBIDS', 'A dry run has changed nothing.');
      }
      const [work, source] = ['revert', 'originals'] as const;
      await start(parts, run, { action: work, work, source, ofRun, rootRun, request });
    },

    async pauseOperation({ operationId }) {
      // Those that work see it in the row, between two chunks.
      if (!(await runs.setPaused(operationId, true))) throw stateForbids();
    },

    async resumeOperation(operation) {
      if (!(await runs.setPaused(operation.operationId, false))) throw stateForbids();
      await wake(parts, operation);
    },

    async changePace(operation, pace) {
      if (!(await runs.changePace(operation.operationId, pace))) throw stateForbids();
      await wake(parts, operation);
    },
  };
}

function requireVersions({
  sourceVersion,
  targetVersion,
}: Pick<MigrationRun['request'], 'sourceVersion' | 'targetVersion'>): void {
  const isKnown = attributesVersions.find(sourceVersion) !== null;
  if (isKnown && targetVersion === attributesVersions.newest.version) return;
  throw new DomainError(
    'ATTRIBUTES_VERSION_UNSUPPORTED',
    `A run brings files of a known version into version ${attributesVersions.newest.version}.`,
  );
}

async function start(
  parts: MigrationLifecycleParts,
  { operationId, startedBy }: NewRun,
  run: Omit<MigrationRun, 'operationId'>,
): Promise<void> {
  const { client, runs, journal, operations } = parts;
  const workflowId = migrateAttributesWorkflowId(operationId);
  const input: MigrateAttributesInput = { operationId };
  await startOperation(
    {
      client,
      operations,
      journal: {
        openOperation: () => open(runs, { ...run, operationId, startedBy, workflowId }),
        finishOperation: (...ending) => journal.finishOperation(...ending),
      },
    },
    {
      operation: {
        operationId,
        kind: workflowTypes.migrateAttributes,
        subject: { type: 'migration', id: run.rootRun },
        startedBy,
        workflowId,
        elementId: null,
        input: null,
      },
      taskQueue: parts.catalogueTaskQueue ?? catalogueTaskQueue,
      input,
      reusePolicy: 'REJECT_DUPLICATE',
    },
  );
}

async function open(
  runs: Pick<MigrationRuns, 'openRun'>,
  run: Parameters<MigrationRuns['openRun']>[0],
): Promise<void> {
  const opened = await runs.openRun(run);
  switch (opened.kind) {
    case 'opened':
      return;
    case 'empty':
      throw new DomainError('SELECTION_EMPTY', 'There is no file that the run could go over.');
    case 'busy':
      throw new DomainError(
        'OPERATION_IN_PROGRESS',
        'Another run works on one of these storage elements.',
        { details: { operationId: opened.operationId } },
      );
  }
}

/** The rows say it already: a signal that does not arrive only makes it slower. */
async function wake(
  parts: MigrationLifecycleParts,
  { operationId }: Pick<Operation, 'operationId'>,
): Promise<void> {
  const { client } = parts;
  const shards = await parts.runs.listShards(operationId);
  const workflowIds = [
    migrateAttributesWorkflowId(operationId),
    ...shards.map(({ shard }) => migrateShardWorkflowId(operationId, shard)),
  ];
  await Promise.all(
    workflowIds.map(async (workflowId) => {
      try {
        await client.withDeadline(Date.now() + signalTimeoutMs, () =>
          client.workflow.getHandle(workflowId).signal(signalNames.wake),
        );
      } catch (error) {
        // Not begun, or ended already.
        if (!(error instanceof WorkflowNotFoundError)) parts.onUnwoken?.(error);
      }
    }),
  );
}

function stateForbids(): DomainError {
  return new DomainError('OPERATION_STATE_FORBIDS', 'The operation does not permit this any more.');
}

import { TypedSearchAttributes } from '@temporalio/common';
import { DomainError } from '#domain/errors.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import type { OperationRegistry } from '#domain/ports/operation-registry.ts';
import type { SearchMaintenance } from '#domain/ports/search-maintenance.ts';
import {
  catalogueTaskQueue,
  phases,
  reindexSearchWorkflowId,
  searchAttributes,
  workflowTypes,
  type ReindexSearchInput,
  type ReindexSearchResult,
} from '#workflows/messages.ts';
import type { TemporalConnection } from './temporal-connection.ts';

const callTimeoutMs = 10_000;
const notStarted = 'The reindexing could not be started.';

export interface SearchMaintenanceOptions {
  readonly connection: Pick<TemporalConnection, 'client'>;
  readonly journal: Pick<OperationJournal, 'openOperation' | 'finishOperation'>;
  readonly operations: Pick<OperationRegistry, 'listOperations'>;
  /** Tests have queues of their own. */
  readonly catalogueTaskQueue?: string;
}

/** The operation's row comes first: a start whose outcome is unknown is told by it. */
export function createTemporalSearchMaintenance(
  options: SearchMaintenanceOptions,
): SearchMaintenance {
  const { journal } = options;
  const { client } = options.connection;
  return {
    async startReindex({ operationId, startedBy }) {
      await requireNoneRunning(options.operations);
      const workflowId = reindexSearchWorkflowId(operationId);
      await journal.openOperation({
        operationId,
        kind: workflowTypes.reindexSearch,
        subject: { type: 'search', id: 'files' },
        startedBy,
        workflowId,
        elementId: null,
        input: null,
      });
      try {
        await client.withDeadline(Date.now() + callTimeoutMs, () =>
          client.workflow.start<(input: ReindexSearchInput) => Promise<ReindexSearchResult>>(
            workflowTypes.reindexSearch,
            {
              workflowId,
              taskQueue: options.catalogueTaskQueue ?? catalogueTaskQueue,
              args: [{ operationId }],
              workflowIdConflictPolicy: 'USE_EXISTING',
              workflowIdReusePolicy: 'REJECT_DUPLICATE',
              typedSearchAttributes: new TypedSearchAttributes([
                { key: searchAttributes.actor, value: startedBy },
                { key: searchAttributes.operation, value: workflowTypes.reindexSearch },
                { key: searchAttributes.phase, value: phases.running },
              ]),
            },
          ),
        );
      } catch (cause) {
        // Unless it came through all the same: what has begun goes on, what has not never will.
        const failure = { code: 'WORKFLOWS_UNAVAILABLE', detail: notStarted } as const;
        const ending = { state: 'failed', failure } as const;
        if (!(await journal.finishOperation(operationId, ['pending'], ending))) return;
        throw new DomainError(failure.code, failure.detail, { cause });
      }
    },
  };
}

/** Two at once would only do the same work twice; who comes second learns of the first. */
async function requireNoneRunning(
  operations: Pick<OperationRegistry, 'listOperations'>,
): Promise<void> {
  for (const state of ['pending', 'running'] as const) {
    const filters = { kind: workflowTypes.reindexSearch, state };
    const page = await operations.listOperations({ filters, limit: 1, after: null });
    const [running] = page.operations;
    if (running === undefined) continue;
    throw new DomainError('OPERATION_IN_PROGRESS', 'The search index is being filled already.', {
      details: { operationId: running.operationId },
    });
  }
}

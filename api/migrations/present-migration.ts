import type { ApiSettings } from '#api/dependencies.ts';
import { migrationsPath } from '#api/migrations/migration-schemas.ts';
import { presentOperation } from '#api/operations/present-operation.ts';
import { presentInstant, type Instant } from '#domain/instant.ts';
import {
  countMigration,
  presentMigration,
  type MigrationReport,
} from '#domain/migrations/migration-run.ts';
import type { Operation } from '#domain/operations.ts';
import type { MigrationRequest } from '#domain/ports/migration-lifecycle.ts';

/** A run as it stands now: the operation, what was asked for, the plan and how far it has come. */
export function presentRun(
  operation: Operation,
  report: MigrationReport,
  settings: Pick<ApiSettings, 'workflowPageUrl'>,
) {
  const shown = presentOperation(operation, settings);
  const run = presentMigration(report);
  const self = `${migrationsPath}/${operation.operationId}`;
  const hasEnded = operation.finishedAt !== null;
  return {
    ...shown,
    ...run,
    progress: report.skipped === null ? null : countMigration(report),
    seconds_left: hasEnded ? null : run['seconds_left'],
    source: report.run.source.replaceAll('-', '_'),
    request: presentRequest(report.run.request),
    elements: sumByElement(report),
    links: { ...shown.links, self, operation: shown.links.self, failures: `${self}/failures` },
  };
}

/** Without the ids that it may name, thousands of them. */
function presentRequest(request: MigrationRequest) {
  const { selection } = request;
  return {
    source_version: request.sourceVersion,
    target_version: request.targetVersion,
    selection: {
      element_id: selection.elementId,
      created_at: {
        from: presentBound(selection.createdFrom),
        to: presentBound(selection.createdTo),
      },
    },
    mapping: request.mapping,
    mapping_policy: request.mappingPolicy,
    template: request.template,
    batch_size: request.batchSize,
  };
}

function presentBound(instant: Instant | null): string | null {
  return instant === null ? null : presentInstant(instant);
}

function sumByElement({ shards }: MigrationReport) {
  const elements = Map.groupBy(shards, ({ elementId }) => elementId);
  return [...elements].map(([elementId, parts]) => {
    const sum = (count: 'planned' | 'done' | 'failed' | 'skipped') =>
      parts.reduce((total, part) => total + part[count], 0);
    return {
      element_id: elementId,
      shards: parts.length,
      planned: sum('planned'),
      done: sum('done'),
      failed: sum('failed'),
      skipped: sum('skipped'),
    };
  });
}

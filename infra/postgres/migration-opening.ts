import type { ElementId, OperationId } from '#domain/ids.ts';
import { presentMigration } from '#domain/migrations/migration-run.ts';
import type { MigrationRun } from '#domain/migrations/migration-run.ts';
import type { NewMigrationRun, OpenedRun } from '#domain/ports/migration-runs.ts';
import { DomainError } from '#domain/errors.ts';
import { sqlState } from './database-errors.ts';
import { createParameters, selectionOf } from './migration-candidates.ts';
import { isVisible } from './file-list-query.ts';
import type { Database } from './open-pool.ts';

/** The names of the elements are the guard: two runs cannot both have one. */
const open = {
  name: 'open-migration-run',
  text: `with op as (
      insert into operations (operation_id, kind, subject_type, subject_id, started_by, workflow_id,
        result)
      values ($1, 'migrateAttributes', 'migration', $2::uuid::text, $8, $9, $10)
    ), run as (
      insert into migration_runs (operation_id, root_run, of_run, action, work, source, request,
        concurrency, files_per_second)
      values ($1, $2, $3, $4, $5, $6, $7, $11, $12)
    ), named as (
      insert into migration_named_files (operation_id, file_id)
      select distinct $1::uuid, file_id from unnest($13::uuid[]) as n (file_id)
    )
    insert into migration_elements (element_id, operation_id)
    select element_id, $1 from unnest($14::text[]) as h (element_id) order by element_id`,
};

const findHolder = {
  text: `select operation_id from migration_elements where element_id = any($1::text[])
    order by element_id limit 1`,
};

const findOperation = { text: 'select operation_id from operations where operation_id = $1' };

const uniqueViolation = '23505';
/** Between a refusal and the look at the holder, the holder may end. */
const openTries = 5;

export async function openRun(database: Database, run: NewMigrationRun): Promise<OpenedRun> {
  if (!(await hasFiles(database, run))) return { kind: 'empty' };
  const elementIds = await findElements(database, run);
  for (let tries = 1; tries <= openTries; tries += 1) {
    try {
      await database.query(open, openValues(run, elementIds));
      return { kind: 'opened' };
    } catch (error) {
      if (sqlState(error) !== uniqueViolation) throw error;
    }
    const own = await database.query(findOperation, [run.operationId]);
    if (own.length > 0) return { kind: 'opened' };
    const [holder] = await database.query<{ operation_id: OperationId }>(findHolder, [elementIds]);
    if (holder !== undefined) return { kind: 'busy', operationId: holder.operation_id };
  }
  throw new DomainError(
    'CATALOGUE_UNAVAILABLE',
    'Runs begin and end on these elements all the time.',
  );
}

function openValues(run: NewMigrationRun, elementIds: readonly ElementId[]): unknown[] {
  const { request } = run;
  const { selection, concurrency, filesPerSecond, ...rest } = request;
  const result = presentMigration({ run, isPaused: false, skipped: null, shards: [], rate: null });
  return [
    run.operationId,
    run.rootRun,
    run.ofRun,
    run.action,
    run.work,
    run.source,
    // The ids have a table: a run may name many.
    JSON.stringify({ ...rest, selection: { ...selection, fileIds: null } }),
    run.startedBy,
    run.workflowId,
    JSON.stringify(result),
    concurrency,
    filesPerSecond,
    run.source === 'named-files' ? selection.fileIds : [],
    elementIds,
  ];
}

async function hasFiles(database: Database, run: MigrationRun): Promise<boolean> {
  const parameters = createParameters();
  const text = `select from ${anyFile(run, parameters)} limit 1`;
  return (await database.query({ text }, parameters.values)).length > 0;
}

function anyFile(run: MigrationRun, parameters: ReturnType<typeof createParameters>): string {
  const { add } = parameters;
  const { elementId, fileIds } = run.request.selection;
  switch (run.source) {
    case 'failures':
      return `operation_failures where operation_id = ${add(run.ofRun, 'uuid')}
        and file_id is not null`;
    case 'originals':
      return `migration_files where run_id = ${add(run.rootRun, 'uuid')} and state = 'migrated'`;
    case 'catalogue':
    case 'named-files': {
      const conditions = [
        isVisible,
        ...(elementId === null ? [] : [`f.element_id = ${add(elementId, 'text')}`]),
        ...(run.source === 'catalogue' ? [] : [`f.file_id = any(${add(fileIds, 'uuid[]')})`]),
        ...selectionOf(run, parameters),
      ];
      return `files f where ${conditions.join(' and ')}`;
    }
  }
}

async function findElements(database: Database, run: MigrationRun): Promise<readonly ElementId[]> {
  const { elementId, fileIds } = run.request.selection;
  if (elementId !== null) return [elementId];
  const rows = await database.query<{ element_id: ElementId }>(
    ...((): [{ text: string }, unknown[]] => {
      switch (run.source) {
        case 'catalogue':
          return [{ text: 'select element_id from storage_elements order by element_id' }, []];
        case 'named-files':
          return [
            {
              text: `select distinct element_id from files where file_id = any($1::uuid[])
                order by element_id`,
            },
            [fileIds],
          ];
        default:
          return [
            {
              text: `select distinct s.element_id from migration_runs r
                join migration_shards s using (operation_id)
                where r.root_run = $1 order by s.element_id`,
            },
            [run.rootRun],
          ];
      }
    })(),
  );
  return rows.map((row) => row.element_id);
}

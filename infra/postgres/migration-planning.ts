import type { ElementId, FileId, OperationId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';
import type {
  MigrationRun,
  MigrationShard,
  SkippedFiles,
} from '#domain/migrations/migration-run.ts';
import type {
  CountedStretch,
  CreatedPosition,
  MigrationRuns,
} from '#domain/ports/migration-runs.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import { isVisible } from './file-list-query.ts';
import { createParameters, isOlder, selectionOf, type Parameters } from './migration-candidates.ts';
import type { Database } from './open-pool.ts';

type Stretch = ArgumentsOf<MigrationRuns['countStretch']>[1];
type Page = ArgumentsOf<MigrationRuns['countOthers']>[1];
type ArgumentsOf<Method extends (...args: never) => unknown> = Method extends (
  ...args: infer Arguments
) => unknown
  ? Arguments
  : never;

export async function listElements(
  database: Database,
  run: MigrationRun,
): Promise<readonly { readonly elementId: ElementId; readonly mode: StorageMode }[]> {
  const rows = await database.query<{ element_id: ElementId; mode: StorageMode }>(
    {
      text: `select e.element_id, e.mode
        from migration_elements h join storage_elements e using (element_id)
        where h.operation_id = $1 order by e.element_id`,
    },
    [run.operationId],
  );
  return rows.map(({ element_id: elementId, mode }) => ({ elementId, mode }));
}

/** The candidates are limited before they are looked at: no statement grows with the catalogue. */
export async function countStretch(
  database: Database,
  run: MigrationRun,
  stretch: Stretch,
): Promise<CountedStretch> {
  const parameters = createParameters();
  const text = `with scanned as materialized (${selectStretch(run, stretch, parameters)})
    select element_id, count(*) filter (where is_wanted) as wanted,
      count(*) filter (where is_other) as others,
      (select file_id from scanned order by file_id desc limit 1) as last_id
    from scanned group by element_id order by element_id`;
  const rows = await database.query<{
    element_id: ElementId | null;
    wanted: number;
    others: number;
    last_id: FileId;
  }>({ text }, parameters.values);
  return {
    lastId: rows[0]?.last_id ?? null,
    counts: rows.flatMap(({ element_id: elementId, wanted, others }) =>
      elementId === null ? [] : [{ elementId, wanted, others }],
    ),
  };
}

function selectStretch(run: MigrationRun, stretch: Stretch, parameters: Parameters): string {
  const { add } = parameters;
  const { request, rootRun, ofRun, operationId } = run;
  const { fromId, limit } = stretch;
  const end = `limit ${add(limit, 'integer')}`;
  // Only where it is used: a parameter that no statement names has no type.
  const ofFile = (source: string): string => {
    const selected = [isVisible, ...selectionOf(run, parameters)].join(' and ');
    const isWanted = `${isOlder} and f.schema_version = ${source}`;
    return `coalesce(${selected} and ${isWanted}, false) as is_wanted,
      coalesce(${selected} and not (${isWanted}), false) as is_other`;
  };
  const addSource = (): string => add(request.sourceVersion, 'text');
  const ofOriginal = `m.state = 'migrated' as is_wanted, false as is_other`;
  switch (run.source) {
    case 'catalogue': {
      const source = addSource();
      return `select f.file_id, f.element_id, ${ofFile(source)} from files f
        where f.element_id = ${add(stretch.elementId, 'text')} and f.schema_version = ${source}
          and ${isOlder} and f.file_id >= ${add(fromId, 'uuid')}
        order by f.file_id ${end}`;
    }
    case 'named-files':
      return `select s.file_id, f.element_id, ${ofFile(addSource())}
        from migration_named_files s left join files f on f.file_id = s.file_id
        where s.operation_id = ${add(operationId, 'uuid')} and s.file_id >= ${add(fromId, 'uuid')}
        order by s.file_id ${end}`;
    case 'originals':
      return `select m.file_id, m.element_id, ${ofOriginal} from migration_files m
        where m.run_id = ${add(rootRun, 'uuid')} and m.file_id >= ${add(fromId, 'uuid')}
        order by m.file_id ${end}`;
    case 'failures': {
      const failures = `operation_failures s`;
      const range = `where s.operation_id = ${add(ofRun, 'uuid')} and s.file_id is not null
          and s.failure_key >= ${add(fromId, 'text')}
        order by s.failure_key ${end}`;
      return run.work === 'migrate'
        ? `select s.file_id, f.element_id, ${ofFile(addSource())}
          from ${failures} left join files f on f.file_id = s.file_id ${range}`
        : `select s.file_id, m.element_id, ${ofOriginal} from ${failures}
          left join migration_files m on m.run_id = ${add(rootRun, 'uuid')}
            and m.file_id = s.file_id ${range}`;
    }
  }
}

export async function countOthers(
  database: Database,
  run: MigrationRun,
  { elementId, after, limit }: Page,
): Promise<{ readonly others: number; readonly next: CreatedPosition | null }> {
  const parameters = createParameters();
  const { add } = parameters;
  const conditions = [
    `f.element_id = ${add(elementId, 'text')}`,
    ...selectionOf(run, parameters),
    ...(after === null
      ? []
      : [
          `(f.created_at, f.file_id)
            > (${add(after.createdAt, 'timestamptz')}, ${add(after.fileId, 'uuid')})`,
        ]),
  ];
  const isWanted = `(${isOlder} and f.schema_version = ${add(run.request.sourceVersion, 'text')})`;
  const text = `with scanned as materialized (
      select f.created_at, f.file_id, ${isVisible} and not ${isWanted} as is_other from files f
      where ${conditions.join(' and ')}
      order by f.created_at, f.file_id limit ${add(limit, 'integer')}
    )
    select count(*) over () as count, count(*) filter (where is_other) over () as others,
      created_at, file_id
    from scanned order by created_at desc, file_id desc limit 1`;
  const [row] = await database.query<{
    count: number;
    others: number;
    created_at: Instant;
    file_id: FileId;
  }>({ text }, parameters.values);
  if (row === undefined) return { others: 0, next: null };
  const next = row.count < limit ? null : { createdAt: row.created_at, fileId: row.file_id };
  return { others: row.others, next };
}

const recordAll = {
  name: 'record-migration-plan',
  text: `with run as (
      update migration_runs r set skipped = $2::json
      from operations o where r.operation_id = $1 and r.skipped is null
        and o.operation_id = r.operation_id and o.finished_at is null
      returning r.operation_id
    )
    insert into migration_shards (operation_id, shard, element_id, from_id, to_id, position, planned)
    select run.operation_id, s.shard, s.element_id, s.from_id, s.to_id, s.from_id, s.planned
    from run, unnest($3::integer[], $4::text[], $5::uuid[], $6::uuid[], $7::bigint[])
      as s (shard, element_id, from_id, to_id, planned)`,
};

export async function recordPlan(
  database: Database,
  operationId: OperationId,
  plan: { readonly skipped: SkippedFiles; readonly shards: readonly MigrationShard[] },
): Promise<void> {
  const { shards } = plan;
  await database.query(recordAll, [
    operationId,
    JSON.stringify(plan.skipped),
    shards.map(({ shard }) => shard),
    shards.map(({ elementId }) => elementId),
    shards.map(({ fromId }) => fromId),
    shards.map(({ toId }) => toId),
    shards.map(({ planned }) => planned),
  ]);
}

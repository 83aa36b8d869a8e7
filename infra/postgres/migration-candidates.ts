import { attributesVersions } from '#domain/attributes/versions.ts';
import type { FileId } from '#domain/ids.ts';
import type { MigrationRun } from '#domain/migrations/migration-run.ts';
import type { ShardWork } from '#domain/ports/migration-files.ts';
import { modePermits, type StorageMode } from '#domain/storage-mode/storage-mode.ts';
import { columnOfInstant } from './column-types.ts';
import { isVisible } from './file-list-query.ts';

const modes: readonly StorageMode[] = ['edit', 'rw', 'ro', 'ar'];
const rewritableModes = modes.filter((mode) => modePermits(mode, 'update-attributes'));

/** Said as the small index of what is not in the newest version says it. */
export const isOlder = `f.schema_version <> '${attributesVersions.newest.version}'`;

/** Gathers the values of a statement whose shape depends on the run. */
export interface Parameters {
  readonly values: unknown[];
  add(value: unknown, type: string): string;
}

export function createParameters(): Parameters {
  const values: unknown[] = [];
  return { values, add: (value, type) => `$${values.push(value)}::${type}` };
}

/** The files of one shard that are still to be done, in the order of their ids. */
interface Candidates {
  /** The rows of files are `f`. */
  readonly from: string;
  readonly where: readonly string[];
  /** The column that gives the order, and the range of it. */
  readonly key: string;
}

/** Statements of the same name have the same text. */
export function nameCandidates(prefix: string, { work, source, request }: MigrationRun): string {
  const { createdFrom, createdTo } = request.selection;
  const bounds = `${createdFrom === null ? '' : '-from'}${createdTo === null ? '' : '-to'}`;
  return `${prefix}-${work}-${source}${hasSelection(source) ? bounds : ''}`;
}

function hasSelection(source: MigrationRun['source']): boolean {
  return source === 'catalogue' || source === 'named-files';
}

/** What the run selects of the files `f`, whatever their version. */
export function selectionOf(run: MigrationRun, { add }: Parameters): string[] {
  if (!hasSelection(run.source)) return [];
  const { createdFrom, createdTo } = run.request.selection;
  return [
    ...(createdFrom === null
      ? []
      : [`f.created_at >= ${add(columnOfInstant(createdFrom), 'timestamptz')}`]),
    ...(createdTo === null
      ? []
      : [`f.created_at <= ${add(columnOfInstant(createdTo), 'timestamptz')}`]),
  ];
}

function candidatesOf(work: ShardWork, fromId: FileId, parameters: Parameters): Candidates {
  const { run, shard } = work;
  const { add } = parameters;
  const element = add(shard.elementId, 'text');
  const isText = run.source === 'failures';
  const key =
    { catalogue: 'f.file_id', originals: 'm.file_id' }[run.source as string] ?? 's.file_id';
  const ordered = isText ? 's.failure_key' : key;
  const type = isText ? 'text' : 'uuid';
  const range = [`${ordered} >= ${add(fromId, type)}`, `${ordered} <= ${add(shard.toId, type)}`];
  const source = sourceOf(run, parameters);
  const wanted =
    run.work === 'migrate'
      ? [
          `f.element_id = ${element}`,
          `f.schema_version = ${add(run.request.sourceVersion, 'text')}`,
          isOlder,
          ...selectionOf(run, parameters),
        ]
      : [`m.element_id = ${element}`, `m.state = 'migrated'`];
  return { from: source.from, where: [...source.where, ...range, ...wanted], key: ordered };
}

function sourceOf(run: MigrationRun, { add }: Parameters) {
  const joinFiles = run.work === 'migrate' ? 'join' : 'left join';
  // Only where it is used: a parameter that no statement names has no type.
  const joinKept = (): string =>
    run.work === 'migrate'
      ? ''
      : ` join migration_files m on m.run_id = ${add(run.rootRun, 'uuid')}
        and m.file_id = s.file_id`;
  switch (run.source) {
    case 'catalogue':
      return { from: 'files f', where: [] };
    case 'named-files':
      return {
        from: 'migration_named_files s join files f on f.file_id = s.file_id',
        where: [`s.operation_id = ${add(run.operationId, 'uuid')}`],
      };
    case 'failures':
      return {
        from: `operation_failures s${joinKept()} ${joinFiles} files f on f.file_id = s.file_id`,
        where: [`s.operation_id = ${add(run.ofRun, 'uuid')}`],
      };
    case 'originals':
      return {
        from: 'migration_files m left join files f on f.file_id = m.file_id',
        where: [`m.run_id = ${add(run.rootRun, 'uuid')}`],
      };
  }
}

/** Looked up row by row: with `offset` no plan that was made for few dead letters joins many. */
const isNoDeadLetter = (operation: string, fileId: string): string =>
  `not exists (select from operation_failures d
    where d.operation_id = ${operation} and d.failure_key = ${fileId}::text offset 0)`;

const fileIdOf = ({ work }: MigrationRun): string =>
  work === 'migrate' ? 'f.file_id' : 'm.file_id';

/** What of a file says that the revert of its migration would not take away something newer. */
const isAsMigrated = 'f.element_id = m.element_id and f.sidecar_digest = m.migrated_digest';

/** Rows `f` that can be taken now; the mode of the element is looked at in the same statement. */
export function selectClaimable(
  work: ShardWork,
  page: { readonly fromId: FileId; readonly limit: number; readonly isForClaim: boolean },
  parameters: Parameters,
): string {
  const { run, shard, claimedBy } = work;
  const { add } = parameters;
  const { from, where, key } = candidatesOf(work, page.fromId, parameters);
  const operation = add(run.operationId, 'uuid');
  const conditions = [
    ...where,
    isVisible,
    isNoDeadLetter(operation, fileIdOf(run)),
    ...(run.work === 'revert' ? [isAsMigrated] : []),
    ...(page.isForClaim
      ? [
          `(f.claimed_by is null
            or f.claim_operation_id = ${operation} and f.claimed_by = ${add(claimedBy, 'text')})`,
          `exists (select from storage_elements e where e.element_id = ${add(shard.elementId, 'text')}
            and e.mode = any(${add(rewritableModes, 'text[]')}))`,
        ]
      : []),
  ];
  return `select f.file_id from ${from} where ${conditions.join('\n and ')}
    order by ${key} limit ${add(page.limit, 'integer')}
    ${page.isForClaim ? 'for update of f skip locked' : ''}`;
}

/** Whatever nobody could claim, with the reason. */
export function selectRemaining(work: ShardWork, limit: number, parameters: Parameters): string {
  const { run, shard } = work;
  const { add } = parameters;
  const { from, where, key } = candidatesOf(work, shard.fromId, parameters);
  const fileId = fileIdOf(run);
  const isRevert = run.work === 'revert';
  const conditions = [
    ...where,
    isNoDeadLetter(add(run.operationId, 'uuid'), fileId),
    ...(isRevert ? [] : [isVisible]),
  ];
  const changed = `when not (${isVisible}) or f.file_id is null then 'deleted'
      when not (${isAsMigrated}) and f.claimed_by is null then 'changed'`;
  return `select ${fileId} as file_id, coalesce(f.storage_path || f.storage_filename, '') as path,
      case ${isRevert ? changed : ''}
        when not exists (select from storage_elements e
          where e.element_id = ${add(shard.elementId, 'text')}
            and e.mode = any(${add(rewritableModes, 'text[]')})) then 'frozen'
        else 'waiting' end as reason
    from ${from} where ${conditions.join('\n and ')}
    order by ${key} limit ${add(limit, 'integer')}`;
}

import { DomainError } from '#domain/errors.ts';
import { isUuid } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import type {
  FileFilters,
  FileListQuery,
  FilePosition,
  FileSort,
} from '#domain/ports/file-catalogue.ts';
import { columnOfInstant } from './column-types.ts';
import type { Statement } from './open-pool.ts';

/** Files that are being deleted are not there any more. */
export const isVisible = `f.tombstoned_at is null and f.state <> 'deleting'`;

export const fileColumns = `f.file_id, f.element_id, e.mode as element_mode, f.storage_path,
  f.storage_filename, f.attributes, f.sidecar_digest, f.state, f.verified_at`;

export interface ListStatements {
  readonly page: Statement;
  readonly pageValues: readonly unknown[];
  readonly count: Statement;
  readonly countValues: readonly unknown[];
}

export const sorts: Record<
  FileSort,
  { readonly type: string; readonly parse: (text: string) => string }
> = {
  created_at: { type: 'timestamptz', parse: parsePositionInstant },
  updated_at: { type: 'timestamptz', parse: parsePositionInstant },
  file_size: { type: 'bigint', parse: parsePositionSize },
  original_filename: { type: 'text', parse: parsePositionName },
};

// Under "C", the order of the column, only ASCII has two cases; this one knows all of Unicode and
// is the same on every machine.
export const folded = (expression: string): string => `lower(${expression} collate "pg_c_utf8")`;

const conditions: {
  readonly [Name in keyof Required<FileFilters>]: (parameter: string) => string;
} = {
  filename: (value) => `${folded('f.original_filename')} like ${folded(`${value}::text`)}`,
  contentType: (value) => `f.content_type = ${value}`,
  tag: (value) => `f.tags @> array[${value}::text] and f.tags <> '{}'`,
  username: (value) => `f.created_by_username = ${value}`,
  elementId: (value) => `f.element_id = ${value}`,
  state: (value) => `f.state = ${value}`,
  retentionPolicy: (value) => `f.retention_policy = ${value}`,
  createdFrom: (value) => `f.created_at >= ${value}::timestamptz`,
  createdTo: (value) => `f.created_at <= ${value}::timestamptz`,
};

/** @returns null when no file can match. @throws DomainError `CURSOR_INVALID` */
export function buildListStatements(query: FileListQuery): ListStatements | null {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const where = [isVisible];
  for (const [name, value] of filterEntries(query.filters)) {
    // Not in any column: PostgreSQL has no U+0000 in a text.
    if (value.includes('\u0000')) return null;
    where.push(conditions[name](parameter(columnValue(name, value))));
    // Said again so that the small index of everything but `stored` is known to be enough.
    if (name === 'state' && value !== 'stored') where.push(`f.state <> 'stored'`);
  }
  const countValues = [...values];
  const count = { text: `select count(*) as total from files f where ${where.join(' and ')}` };

  const { type, parse } = sorts[query.sort];
  if (query.after !== null) {
    const { value, fileId } = checkPosition(query.after, parse);
    const sign = query.order === 'asc' ? '>' : '<';
    where.push(
      `(f.${query.sort}, f.file_id) ${sign} (${parameter(value)}::${type}, ${parameter(fileId)}::uuid)`,
    );
  }
  const page = {
    text: `select ${fileColumns}, f.${query.sort} as position
      from files f join storage_elements e on e.element_id = f.element_id
      where ${where.join(' and ')}
      order by f.${query.sort} ${query.order}, f.file_id ${query.order}
      limit ${parameter(query.limit + 1)}`,
  };
  return { page, pageValues: values, count, countValues };
}

function filterEntries(filters: FileFilters): [keyof FileFilters, string][] {
  return (Object.keys(conditions) as (keyof FileFilters)[]).flatMap((name) => {
    const value = filters[name];
    return value === undefined ? [] : [[name, value] as [keyof FileFilters, string]];
  });
}

/** A pattern for `like` in which no character of the text has a special meaning. */
export function likePart(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

function columnValue(name: keyof FileFilters, value: string): string {
  if (name === 'filename') return likePart(value);
  if (name === 'createdFrom' || name === 'createdTo') return columnOfInstant(value);
  return value;
}

function checkPosition(
  position: FilePosition,
  parse: (text: string) => string,
): { readonly value: string; readonly fileId: string } {
  if (!isUuid(position.fileId)) throw invalidCursor();
  return { value: parse(position.value), fileId: position.fileId };
}

function parsePositionInstant(text: string): string {
  const instant = parseInstant(text);
  if (instant === null) throw invalidCursor();
  return columnOfInstant(instant);
}

function parsePositionSize(text: string): string {
  if (!/^\d{1,18}$/.test(text)) throw invalidCursor();
  return text;
}

function parsePositionName(text: string): string {
  if (text.includes('\u0000')) throw invalidCursor();
  return text;
}

function invalidCursor(): DomainError {
  return new DomainError('CURSOR_INVALID', 'The cursor does not fit this list.');
}

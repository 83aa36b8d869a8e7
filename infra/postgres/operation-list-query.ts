import type { OperationState } from '#domain/operations.ts';
import { isUuid } from '#domain/ids.ts';
import type { OperationListQuery } from '#domain/ports/operation-registry.ts';
import type { UploadState } from '#domain/uploads.ts';

/** The name under which uploads stand in the list. */
export const uploadKind = 'storeFiles';

export const operationStates: Record<UploadState, OperationState> = {
  receiving: 'pending',
  staged: 'pending',
  committing: 'running',
  stored: 'completed',
  failed: 'failed',
};

export interface ListStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * One page of each of the two tables, newest first; the caller merges them. One row more than
 * asked for tells whether there is a next page.
 * @returns null for a table that can have nothing of it
 */
export function buildOperationList(query: OperationListQuery): ListStatement | null {
  const { kind, state, subjectId, startedBy } = query.filters;
  if (kind === uploadKind) return null;
  const page = startPage(query, { createdAt: 'o.created_at', id: 'o.operation_id' });
  if (kind !== undefined) page.require(`o.kind = ${page.add(kind)}`);
  if (state !== undefined) page.require(`o.state = ${page.add(state)}`);
  if (subjectId !== undefined) page.require(`o.subject_id = ${page.add(subjectId)}`);
  if (startedBy !== undefined) page.require(`o.started_by = ${page.add(startedBy)}::uuid`);
  return page.end('select o.* from operations o');
}

export function buildUploadList(query: OperationListQuery, columns: string): ListStatement | null {
  const { kind, state, subjectId, startedBy } = query.filters;
  if (kind !== undefined && kind !== uploadKind) return null;
  if (subjectId !== undefined && !isUuid(subjectId)) return null;
  const page = startPage(query, { createdAt: 'u.created_at', id: 'u.file_id' });
  if (state !== undefined) {
    const states = uploadStates.filter((own) => operationStates[own] === state);
    if (states.length === 0) return null;
    // Each of these has an index of its own; the rest is nearly everything.
    if (state === 'failed') page.require(`u.state = 'failed'`);
    else page.require(`u.state = any(${page.add(states)}::text[])`);
    if (state === 'pending' || state === 'running') page.require('u.finished_at is null');
  }
  if (subjectId !== undefined) page.require(`u.file_id = ${page.add(subjectId)}::uuid`);
  if (startedBy !== undefined) page.require(`u.account_id = ${page.add(startedBy)}::uuid`);
  return page.end(`select ${columns} from uploads u`);
}

const uploadStates = Object.keys(operationStates) as UploadState[];

function startPage(
  { after, limit }: OperationListQuery,
  keys: { readonly createdAt: string; readonly id: string },
) {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (value: unknown): string => `$${values.push(value)}`;
  if (after !== null) {
    const position = `(${add(after.createdAt)}::timestamptz, ${add(after.operationId)}::uuid)`;
    conditions.push(`(${keys.createdAt}, ${keys.id}) < ${position}`);
  }
  return {
    add,
    require: (condition: string): void => void conditions.push(condition),
    end(select: string): ListStatement {
      const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
      const order = `order by ${keys.createdAt} desc, ${keys.id} desc`;
      const text = `${select} ${where} ${order} limit ${add(limit + 1)}`;
      return { text, values };
    },
  };
}

import type { OperationId } from '#domain/ids.ts';
import type { ClaimOutcome } from '#domain/ports/file-changes.ts';
import {
  modePermits,
  type ElementOperation,
  type StorageMode,
} from '#domain/storage-mode/storage-mode.ts';
import { DomainError } from '#domain/errors.ts';
import { isVisible } from './file-list-query.ts';
import type { Database } from './open-pool.ts';

const modes: readonly StorageMode[] = ['edit', 'rw', 'ro', 'ar'];
const changeableModes = modes.filter((mode) => modePermits(mode, 'update-attributes'));
const deletableModes = modes.filter((mode) => modePermits(mode, 'delete'));

/** Between a claim that was refused and the look at why, the reason may go. */
const claimTries = 5;

/** Everything that could refuse is checked where the row is taken: nothing comes in between. */
const claim = {
  name: 'claim-file',
  text: `with op as (
      select operation_id, kind, workflow_id, subject_id::uuid as file_id from operations
      where operation_id = $1 and state in ('pending', 'running') for no key update
    ), claimed as (
      update files f
      set claimed_by = op.workflow_id, claim_operation_id = op.operation_id, claimed_at = now(),
        tombstoned_at = case when op.kind = 'deleteFile' then coalesce(f.tombstoned_at, now()) end
      from op, storage_elements e
      where f.file_id = op.file_id and e.element_id = f.element_id and f.sidecar_digest = $2
        and (f.claimed_by is null and ${isVisible} or f.claim_operation_id = op.operation_id)
        and e.mode = any(case when op.kind = 'deleteFile' then $3::text[] else $4::text[] end)
      returning f.file_id, f.element_id, op.kind, old.tombstoned_at as was_tombstoned_at
    ), announced as (
      insert into outbox (type, subject_type, subject_id, file_ids, data)
      select 'file.deletion_started', 'file', file_id::text, array[file_id],
        json_build_object('element_id', element_id, 'operation_id', $1::uuid)
      from claimed where kind = 'deleteFile' and was_tombstoned_at is null
    ), begun as (
      update operations o set state = 'running', updated_at = now()
      from claimed where o.operation_id = $1
    )
    select file_id from claimed`,
};

const look = {
  name: 'look-at-claim',
  text: `select o.finished_at is not null as has_ended, o.kind, f.file_id, f.claimed_by,
      f.claim_operation_id, f.sidecar_digest, not (${isVisible}) as is_hidden, e.mode
    from operations o
    left join files f on f.file_id = o.subject_id::uuid
    left join storage_elements e on e.element_id = f.element_id
    where o.operation_id = $1`,
};

interface LookRow {
  readonly has_ended: boolean;
  readonly kind: string;
  readonly file_id: string | null;
  readonly claimed_by: string | null;
  readonly claim_operation_id: OperationId | null;
  readonly sidecar_digest: string | null;
  readonly is_hidden: boolean | null;
  /** A constraint of the table keeps this to the values of the domain. */
  readonly mode: StorageMode | null;
}

export async function claimFile(
  database: Database,
  operationId: OperationId,
  expectedDigest: string,
): Promise<ClaimOutcome> {
  for (let tries = 1; tries <= claimTries; tries += 1) {
    const claimed = await database.query(claim, [
      operationId,
      expectedDigest,
      deletableModes,
      changeableModes,
    ]);
    if (claimed.length > 0) return { kind: 'claimed' };
    const [row] = await database.query<LookRow>(look, [operationId]);
    const refusal = explainRefusal(row, operationId, expectedDigest);
    if (refusal !== null) return refusal;
  }
  throw new DomainError('CATALOGUE_UNAVAILABLE', 'The file is being changed all the time.');
}

/** @returns null when nothing stands in the way any more. */
function explainRefusal(
  row: LookRow | undefined,
  operationId: OperationId,
  expectedDigest: string,
): ClaimOutcome | null {
  if (row === undefined || row.has_ended) return { kind: 'operation-ended' };
  const isOwn = row.claim_operation_id === operationId;
  if (row.file_id === null || (row.is_hidden === true && !isOwn)) return { kind: 'not-found' };
  const operation: ElementOperation = row.kind === 'deleteFile' ? 'delete' : 'update-attributes';
  const { mode } = row;
  if (mode !== null && !modePermits(mode, operation)) return { kind: 'mode-forbids', mode };
  if (row.sidecar_digest !== expectedDigest) return { kind: 'digest-differs' };
  if (isOwn || row.claimed_by === null || row.claim_operation_id === null) return null;
  return { kind: 'busy', workflowId: row.claimed_by, operationId: row.claim_operation_id };
}

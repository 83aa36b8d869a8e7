import { Context, sleep } from '@temporalio/activity';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { DomainError, isDomainError, type ErrorCode } from '#domain/errors.ts';
import type { OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import { isMigrationClaim } from '#domain/migrations/migration-run.ts';
import type { ClaimOutcome, FileChange } from '#domain/ports/file-changes.ts';
import type { ChangeOutcome } from '#domain/ports/file-lifecycle.ts';
import { requireRetentionPermitsDeletion } from '#domain/retention/deletion-rule.ts';
import { modePermits } from '#domain/storage-mode/storage-mode.ts';
import { settleChange, type ChangePorts, type ChangeStep } from './change-steps.ts';

type RefusedChange = Extract<ChangeOutcome, { readonly kind: 'failed' }>;

export type TakenFile =
  | { readonly kind: 'claimed' }
  /** All of this was done by an earlier run of the steps, whose end nobody heard of. */
  | { readonly kind: 'done' }
  | RefusedChange;

/** How often the file may change hands while one caller tries to get it. */
const claimTries = 5;
/** Between two looks at a file that a migration holds. */
const claimLookMs = 50;

/**
 * Takes the file for the operation. Everything that can refuse is looked at here; an operation
 * that is refused has failed. A claim whose workflow is no more is taken over.
 */
export async function takeFile(ports: ChangePorts, step: ChangeStep): Promise<TakenFile> {
  const refusal = await tryToTake(ports, step);
  if (refusal === null) return { kind: 'claimed' };
  if (refusal === 'operation-ended') return describeEnd(ports, step.operationId);
  await ports.changes.giveUpChange(step.operationId, 'failed', refusal.failure);
  return refusal;
}

async function tryToTake(
  ports: ChangePorts,
  step: ChangeStep,
): Promise<RefusedChange | 'operation-ended' | null> {
  const wait = createPatience();
  for (let tries = 1; tries <= claimTries; tries += 1) {
    const change = await ports.changes.findChange(step.operationId);
    if (change === null) return whenNothingIsThere(ports, step);
    const forbidden = change.kind === 'deleteFile' ? refuseDeletion(change) : null;
    if (forbidden !== null) return forbidden;
    const digest = change.expectedDigest ?? change.sidecarDigest;
    const outcome = await ports.changes.claimFile(step.operationId, digest);
    switch (outcome.kind) {
      case 'claimed':
        return null;
      case 'operation-ended':
        return 'operation-ended';
      case 'busy':
        if (await wait(outcome)) tries -= 1;
        else if (!(await takeOver(ports, step, outcome))) return busy(outcome.operationId);
        break;
      case 'digest-differs':
        // Whoever named no sidecar wants the file as it is now.
        if (change.expectedDigest !== null) return changedInBetween;
        break;
      default:
        return explain(outcome, change.kind);
    }
  }
  throw new DomainError('CATALOGUE_UNAVAILABLE', 'The file is being changed all the time.');
}

/** A file without a row, or an operation without one. */
async function whenNothingIsThere(
  ports: ChangePorts,
  { operationId }: ChangeStep,
): Promise<RefusedChange | 'operation-ended'> {
  const [standing] = await ports.journal.findStandings([operationId]);
  return standing === undefined || standing.isFinished ? 'operation-ended' : notFound;
}

/** Retention is asked before the claim; the claim then makes sure that nothing has changed. */
function refuseDeletion(change: FileChange): RefusedChange | null {
  const isOthers = change.expectedDigest !== null && change.expectedDigest !== change.sidecarDigest;
  // These refuse by themselves, and first.
  if (isOthers || change.isClaimed || !modePermits(change.elementMode, 'delete')) return null;
  try {
    requireRetentionPermitsDeletion(JSON.parse(change.attributes) as Attributes, change.startedAt);
    return null;
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return refuse(error.code, error.message);
  }
}

/** A migration lets go of a file soon. @returns whether to look again */
function createPatience(): (holder: { readonly workflowId: string }) => Promise<boolean> {
  let waitedMs = 0;
  return async ({ workflowId }) => {
    if (!isMigrationClaim(workflowId) || waitedMs >= limits.migrationClaimWaitMs) return false;
    await sleep(claimLookMs);
    waitedMs += claimLookMs;
    return true;
  };
}

/** @returns true when the claim was that of a workflow which is no more, and is released now. */
async function takeOver(
  ports: ChangePorts,
  step: ChangeStep,
  holder: Extract<ClaimOutcome, { readonly kind: 'busy' }>,
): Promise<boolean> {
  if (await isRunning(ports, holder.workflowId)) return false;
  if (isMigrationClaim(holder.workflowId)) return endMigrationClaim(ports, step);
  await settleChange(ports, { operationId: holder.operationId, fileId: step.fileId });
  return true;
}

async function endMigrationClaim(ports: ChangePorts, { fileId }: ChangeStep): Promise<boolean> {
  if (ports.settleMigrated === undefined) return false;
  await ports.settleMigrated({ kind: 'file', fileId }, Context.current().cancellationSignal);
  return true;
}

/** Without an answer of Temporal nobody is taken for dead. */
async function isRunning({ directory }: ChangePorts, workflowId: string): Promise<boolean> {
  try {
    return (await directory.findStatus(workflowId)) === 'running';
  } catch (error) {
    if (isDomainError(error, 'WORKFLOWS_UNAVAILABLE')) return true;
    throw error;
  }
}

function explain(
  outcome: Extract<ClaimOutcome, { readonly kind: 'not-found' | 'mode-forbids' }>,
  kind: FileChange['kind'],
): RefusedChange {
  if (outcome.kind === 'not-found') return notFound;
  const operation = kind === 'deleteFile' ? 'delete' : 'update-attributes';
  return refuse(
    'MODE_FORBIDS_OPERATION',
    `An element in mode ${outcome.mode} does not permit ${operation}.`,
  );
}

/** Of an operation that ended before: also when this very step ended it and nobody was told. */
async function describeEnd(ports: ChangePorts, operationId: OperationId): Promise<TakenFile> {
  const [standing] = await ports.journal.findStandings([operationId]);
  if (standing?.state === 'completed') return { kind: 'done' };
  return standing?.error === undefined || standing.error === null
    ? refuse('OPERATION_STATE_FORBIDS', 'The operation has ended already.')
    : { kind: 'failed', failure: standing.error };
}

function refuse(code: ErrorCode, detail: string): RefusedChange {
  return { kind: 'failed', failure: { code, detail } };
}

function busy(operationId: OperationId): RefusedChange {
  return { ...refuse('FILE_BUSY', 'Another operation holds this file.'), operationId };
}

const notFound = refuse('FILE_NOT_FOUND', 'There is no file with this id.');

const changedInBetween = refuse(
  'PRECONDITION_FAILED',
  'The attributes of the file are not the ones that the request names.',
);

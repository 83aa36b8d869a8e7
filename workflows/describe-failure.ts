import { isCancellation, type TemporalFailure } from '@temporalio/workflow';
import type { UploadFailure } from '#domain/uploads.ts';
import { reviveDomainError } from './revive-domain-error.ts';

/**
 * Whatever went wrong before the commit point, for the caller, who may try again.
 * @param nothingHappened a sentence for failures that have no code of the catalogue
 */
export function describeFailure(cause: TemporalFailure, nothingHappened: string): UploadFailure {
  if (isCancellation(cause)) {
    return { code: 'OPERATION_CANCELLED', detail: 'The operation was cancelled.' };
  }
  const error = reviveDomainError(cause);
  if (error?.kind === 'unavailable') return { code: error.code, detail: error.message };
  return { code: 'WORKFLOWS_UNAVAILABLE', detail: nothingHappened };
}

import { ApplicationFailure } from '@temporalio/workflow';
import { DomainError, isErrorCode, type ErrorDetails } from '#domain/errors.ts';

/**
 * The way back from a failure that an activity or a workflow reported: looks down the chain of
 * causes for the code that the worker's interceptor put there.
 * @returns null when no code of the catalogue is in it (a time-out, a cancel, a bug).
 */
export function reviveDomainError(error: unknown): DomainError | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (!(current instanceof ApplicationFailure)) continue;
    const { type, message, details } = current;
    if (typeof type !== 'string' || !isErrorCode(type)) continue;
    const [errorDetails] = (details ?? []) as [ErrorDetails?];
    return new DomainError(type, message, { details: errorDetails ?? {}, cause: error });
  }
  return null;
}

import { DomainError } from '#domain/errors.ts';

/** SQLSTATE classes and codes that say: not now. All others are faults of ours. */
const unavailableClasses = new Set(['08', '53', '57', '58']);
const unavailableCodes = new Set([
  '25006', // read-only: a standby was asked
  '25P03', // idle in transaction for too long
  '3D000', // the database is not there (yet)
  '40001',
  '40P01', // a deadlock, after its repetitions
  '55P03', // lock not available in time
]);

/** Raised by `refuse_reservation()`: the room that was seen is gone. */
export const reservationRefusedState = 'AS001';

/** Raised by `refuse_rebuild_batch()`: a row is not what it was when it was read. */
export const rebuildBatchRefusedState = 'AS002';

/** The statement was undone as a whole and may simply be run again. */
export function isRepeatable(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40P01' || state === '40001';
}

/**
 * The server's own code, null when the error is not one of the server's. Told by its shape: the
 * ORM wraps what its own copy of the driver threw.
 */
export function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** @returns a DomainError when the database cannot be asked, and the error itself otherwise. */
export function translateDatabaseError(error: unknown): unknown {
  if (error instanceof DomainError || !isUnavailable(error)) return error;
  return new DomainError('CATALOGUE_UNAVAILABLE', 'The catalogue does not answer at the moment.', {
    cause: error,
  });
}

function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) {
    return unavailableClasses.has(state.slice(0, 2)) || unavailableCodes.has(state);
  }
  // Whatever else the driver rejects with is trouble with the connection, which has no code of
  // its own in half of the cases; only these are faults in our code.
  return !(
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}

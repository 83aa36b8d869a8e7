import { DomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import type { FileOutcome } from '#domain/uploads.ts';

/** The errno name of a failed system call (`ENOENT`), or null for any other error. */
export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null;
}

export function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

/** What a failed system call means to the domain. A `DomainError` stays what it is. */
export function translateFilesystemError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new DomainError('INSUFFICIENT_STORAGE', 'The storage element is full.', {
      cause: error,
    });
  }
  return elementFault(error);
}

/** For faults that leave open what happened: the step is to be repeated, whatever the cause. */
export function elementFault(cause: unknown): DomainError<'ELEMENT_UNAVAILABLE'> {
  return new DomainError(
    'ELEMENT_UNAVAILABLE',
    'The storage element does not work at the moment.',
    { cause },
  );
}

export async function translating<Value>(call: Promise<Value>): Promise<Value> {
  try {
    return await call;
  } catch (error) {
    throw translateFilesystemError(error);
  }
}

/** @returns null where the call says that there is nothing; every other error is translated. */
export async function nullWhenAbsent<Value>(call: Promise<Value>): Promise<Value | null> {
  try {
    return await call;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw translateFilesystemError(error);
  }
}

export function failedOutcome(fileId: FileId, error: unknown): FileOutcome {
  const { code, message } = translateFilesystemError(error);
  return { fileId, ok: false, code, detail: message };
}

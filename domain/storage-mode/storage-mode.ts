import { DomainError } from '#domain/errors.ts';

/** What may happen on a storage element. */
export type StorageMode = 'edit' | 'rw' | 'ro' | 'ar';

export type ElementOperation =
  | 'create'
  | 'read'
  | 'read-attributes'
  | 'update-attributes'
  | 'delete';

const permitted: Record<StorageMode, ReadonlySet<ElementOperation>> = {
  edit: new Set(['create', 'read', 'read-attributes', 'update-attributes', 'delete']),
  rw: new Set(['create', 'read', 'read-attributes', 'update-attributes']),
  ro: new Set(['read', 'read-attributes']),
  ar: new Set(['read-attributes']),
};

/** @public */
export function modePermits(mode: StorageMode, operation: ElementOperation): boolean {
  return permitted[mode].has(operation);
}

/** @throws DomainError `MODE_FORBIDS_OPERATION`, naming mode and operation. */
export function requireModePermits(mode: StorageMode, operation: ElementOperation): void {
  if (modePermits(mode, operation)) return;
  throw new DomainError(
    'MODE_FORBIDS_OPERATION',
    `An element in mode ${mode} does not permit ${operation}.`,
    { details: { mode, operation } },
  );
}

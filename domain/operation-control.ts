import { DomainError } from '#domain/errors.ts';
import type { Operation, OperationState } from '#domain/operations.ts';

export type OperationControl = 'cancel' | 'pause' | 'resume';

/** What may be asked of which kind of operation. A kind that is not named here permits nothing. */
const controlsOfKind: Readonly<Record<string, readonly OperationControl[]>> = {
  // The group of an upload is not its own: cancelling it would undo the uploads of others.
  storeFiles: [],
  updateAttributes: ['cancel'],
  deleteFile: ['cancel'],
  batchDelete: ['cancel'],
  reindexSearch: ['cancel'],
  rebuildCatalogue: ['cancel'],
  reconcileElement: ['cancel'],
  migrateAttributes: ['cancel', 'pause', 'resume'],
};

const statesOfControl: Readonly<Record<OperationControl, readonly OperationState[]>> = {
  cancel: ['pending', 'running', 'paused'],
  pause: ['pending', 'running'],
  resume: ['paused'],
};

/** @throws DomainError `OPERATION_STATE_FORBIDS` */
export function requireControl(
  { kind, state }: Pick<Operation, 'kind' | 'state'>,
  control: OperationControl,
): void {
  const controls = Object.hasOwn(controlsOfKind, kind) ? controlsOfKind[kind] : undefined;
  if (controls?.includes(control) !== true) {
    throw new DomainError('OPERATION_STATE_FORBIDS', `The kind ${kind} knows no ${control}.`);
  }
  if (!statesOfControl[control].includes(state)) {
    throw new DomainError(
      'OPERATION_STATE_FORBIDS',
      `The operation is ${state}; ${control} is not possible in this state.`,
    );
  }
}

import type { AccountId, ElementId, OperationId } from '#domain/ids.ts';

interface ElementWork {
  /** A new one. */
  readonly operationId: OperationId;
  readonly elementId: ElementId;
  readonly startedBy: AccountId;
}

export interface Reconciliation extends ElementWork {
  /** False: only report. */
  readonly apply: boolean;
}

/**
 * Work that goes over a whole element. Each kind runs at most once per element at a time.
 * Both throw `OPERATION_IN_PROGRESS` (with the running operation) and `WORKFLOWS_UNAVAILABLE` when
 * nothing was started and nothing will be.
 */
export interface ElementMaintenance {
  /** Makes the catalogue's rows of this element again from its sidecars. */
  startRebuild(work: ElementWork): Promise<void>;
  /** Compares the element with the catalogue. */
  startReconciliation(work: Reconciliation): Promise<void>;
}

import type { ElementId } from '#domain/ids.ts';

/**
 * The right to change an element's visible tree. At most one process has it; it ends with the
 * process, with `dispose`, or when the lock service forgets it.
 */
export interface ElementLock extends AsyncDisposable {
  readonly elementId: ElementId;
  /** False as soon as the loss is known; it never becomes true again. */
  isHeld(): boolean;
  /** Aborts when the lock is lost (not when it is disposed of): writing must stop at once. */
  readonly lost: AbortSignal;
}

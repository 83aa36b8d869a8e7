import type { ElementId, GroupId } from '#domain/ids.ts';

/** Each step of `storeFiles`, before it, after it, or in its middle. */
export const barrierPoints = [
  'before claimGroup',
  'after claimGroup',
  'after commitContents',
  'inside writeSidecars',
  'after writeSidecars',
  'after recordGroup',
] as const;
export type BarrierPoint = (typeof barrierPoints)[number];

/** A group has come to a point. */
export interface BarrierVisit {
  readonly point: BarrierPoint;
  readonly elementId: ElementId;
  readonly groupId: GroupId;
  readonly fileCount: number;
}

/** What goes over the socket from the worker, a line each; the answer is the line `id`. */
export interface BarrierMessage {
  readonly id: number;
  readonly visit: BarrierVisit;
}

/** Name of the variable in which the worker of a fault test finds the socket. */
export const barrierSocketVariable = 'FAULT_BARRIER_SOCKET';

import type { ElementId, FileId, GroupId } from '#domain/ids.ts';

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

/** Each step of `updateAttributes` and of `deleteFile`, before the first and after each. */
export const changePoints = {
  PATCH: ['before claimFile', 'after claimFile', 'after writeSidecar', 'after recordAttributes'],
  DELETE: [
    'before claimFile',
    'after claimFile',
    'after moveSidecarAway',
    'after removeContent',
    'after purgeFile',
  ],
} as const;
export type ChangeMethod = keyof typeof changePoints;
export type ChangePoint = (typeof changePoints)[ChangeMethod][number];

/** A group has come to a point. */
export interface GroupVisit {
  readonly point: BarrierPoint;
  readonly elementId: ElementId;
  readonly groupId: GroupId;
  readonly fileCount: number;
}

/** A change of one file has. */
export interface ChangeVisit {
  readonly point: ChangePoint;
  readonly fileId: FileId;
}

export type BarrierVisit = GroupVisit | ChangeVisit;

/** What goes over the socket from the worker, a line each; the answer is the line `id`. */
export interface BarrierMessage {
  readonly id: number;
  readonly visit: BarrierVisit;
}

/** Name of the variable in which the worker of a fault test finds the socket. */
export const barrierSocketVariable = 'FAULT_BARRIER_SOCKET';

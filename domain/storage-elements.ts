import type { ElementId } from '#domain/ids.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';

export type ElementStatus = 'online' | 'degraded' | 'offline' | 'maintenance';

export interface StorageElement {
  readonly elementId: ElementId;
  readonly name: string;
  readonly type: 'filesystem' | 's3';
  readonly mode: StorageMode;
  /** Lower is filled first. */
  readonly priority: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  /** Room promised to uploads under way. */
  readonly reservedBytes: number;
  /** Absolute directory of a `filesystem` element. */
  readonly location: { readonly path: string };
  readonly status: ElementStatus;
}

/** One that nothing lies on yet, as far as the catalogue knows. */
export type NewStorageElement = Omit<StorageElement, 'usedBytes' | 'reservedBytes'>;

/** What an operator may change at any time. */
export type ElementSettings = Pick<
  StorageElement,
  'name' | 'priority' | 'capacityBytes' | 'status'
>;

/** True for an element that a worker is to work on. */
export function isServed({ type, status }: Pick<StorageElement, 'type' | 'status'>): boolean {
  return type === 'filesystem' && status === 'online';
}

import type { ElementId } from '#domain/ids.ts';
import type { StorageElement } from '#domain/storage-elements.ts';

export interface StorageElementRegistry {
  findElement(elementId: ElementId): Promise<StorageElement | null>;
  /** In order of mode, priority and id. */
  listElements(): Promise<readonly StorageElement[]>;
  /** Makes the row; the same element again changes nothing. */
  registerElement(element: Omit<StorageElement, 'usedBytes' | 'reservedBytes'>): Promise<void>;
}

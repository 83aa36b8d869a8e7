import type { ElementId } from '#domain/ids.ts';
import type {
  ElementSettings,
  NewStorageElement,
  StorageElement,
} from '#domain/storage-elements.ts';

export interface ElementRegistration {
  /** False: the id was taken already, and nothing was changed. */
  readonly isNew: boolean;
  /** Whatever has the id now. */
  readonly element: StorageElement;
}

/** Every method throws `CATALOGUE_UNAVAILABLE` when the database does not answer. */
export interface StorageElementRegistry {
  findElement(elementId: ElementId): Promise<StorageElement | null>;
  /** In order of mode, priority and id. */
  listElements(): Promise<readonly StorageElement[]>;
  /**
   * Makes the row; durable when it resolves. Registrations wait for each other, so that no two
   * elements ever overlap.
   * @throws ELEMENT_LOCATION_REFUSED when the location lies in or around that of another element
   */
  registerElement(element: NewStorageElement): Promise<ElementRegistration>;
  /**
   * Changes what is named and nothing else; durable when it resolves.
   * @param expected only while the settings are still these; null: whatever they are
   * @returns the element as it is now; null when there is none, or none with these settings
   */
  changeSettings(
    elementId: ElementId,
    change: Partial<ElementSettings>,
    expected: ElementSettings | null,
  ): Promise<StorageElement | null>;
}

import { DomainError } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import type { ElementAccess, ObjectStore } from '#domain/ports/object-store.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import { openFilesystemObjectStore } from './filesystem-object-store.ts';

/** Elements that this machine sees as directories. What was opened once no longer needs the registry. */
export function createFilesystemElementAccess(
  registry: Pick<StorageElementRegistry, 'findElement'>,
): ElementAccess {
  const stores = new Map<ElementId, Promise<ObjectStore>>();

  async function openStore(elementId: ElementId): Promise<ObjectStore> {
    const element = await registry.findElement(elementId);
    if (element === null || element.type !== 'filesystem') {
      throw new DomainError(
        'ELEMENT_UNAVAILABLE',
        'The storage element is not one that can be reached from here.',
      );
    }
    return openFilesystemObjectStore({ elementId, root: element.location.path });
  }

  return {
    openElement(elementId) {
      const known = stores.get(elementId);
      if (known !== undefined) return known;
      const opening = openStore(elementId);
      stores.set(elementId, opening);
      // A failure is not kept: the element may be there the next time.
      opening.catch(() => stores.delete(elementId));
      return opening;
    },
  };
}

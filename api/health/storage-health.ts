import type { ComponentHealth } from '#domain/ports/component-health.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';

/**
 * Up while every element that is meant to be online has its marker. Not required: one missing
 * mount must not take the files of all the others away.
 */
export function createStorageHealth(
  registry: StorageElementRegistry,
  access: ElementAccess,
): ComponentHealth {
  return {
    name: 'storage',
    isRequired: false,
    async check() {
      const elements = await registry.listElements();
      const online = elements.filter(({ status }) => status === 'online');
      await Promise.all(
        online.map(async ({ elementId }) => (await access.openElement(elementId)).checkMarker()),
      );
    },
  };
}

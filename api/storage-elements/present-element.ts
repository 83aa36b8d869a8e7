import { createHash } from 'node:crypto';
import type { ElementId } from '#domain/ids.ts';
import { fillLevel, roomBytes, type PlacementElement } from '#domain/placement/choose-element.ts';
import type { ElementSettings, StorageElement } from '#domain/storage-elements.ts';
import { modePermits } from '#domain/storage-mode/storage-mode.ts';

export const elementsPath = '/api/v1/storage-elements';

/** Of what PATCH changes; the counters beside it move with every upload. */
export function elementEtag(element: ElementSettings): string {
  const { name, priority, capacityBytes, status } = settingsOf(element);
  const text = JSON.stringify([name, priority, capacityBytes, status]);
  return `"${createHash('sha256').update(text).digest('hex')}"`;
}

export function settingsOf(element: ElementSettings): ElementSettings {
  const { name, priority, capacityBytes, status } = element;
  return { name, priority, capacityBytes, status };
}

/** @param free what file systems have left; of an element that is not in it only its capacity counts. */
export function presentElement(element: StorageElement, free: ReadonlyMap<ElementId, number>) {
  const placement = { ...element, freeBytes: free.get(element.elementId) ?? null };
  const self = `${elementsPath}/${element.elementId}`;
  return {
    element_id: element.elementId,
    name: element.name,
    type: element.type,
    mode: element.mode,
    priority: element.priority,
    capacity_bytes: element.capacityBytes,
    used_bytes: element.usedBytes,
    reserved_bytes: element.reservedBytes,
    free_bytes: Math.max(0, Math.floor(roomBytes(placement))),
    capacity_state: capacityState(placement),
    status: element.status,
    location: { path: element.location.path },
    links: {
      self,
      files: `/api/v1/files?element_id=${element.elementId}`,
      rebuild: `${self}/rebuild`,
      reconcile: `${self}/reconcile`,
    },
  };
}

/** What takes no files has no marks to pass. */
function capacityState(element: PlacementElement): string {
  return modePermits(element.mode, 'create') ? fillLevel(element) : 'normal';
}

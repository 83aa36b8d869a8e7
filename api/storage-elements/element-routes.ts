import type { Route } from '#api/route.ts';
import { rebuildElement, reconcileElement } from '#api/storage-elements/element-work.ts';
import { patchElement } from '#api/storage-elements/patch-element.ts';
import { listElements, showElement } from '#api/storage-elements/read-elements.ts';
import { registerElement } from '#api/storage-elements/register-element.ts';

export const elementRoutes: readonly Route[] = [
  registerElement,
  listElements,
  showElement,
  patchElement,
  rebuildElement,
  reconcileElement,
];

import type { Call } from '#api/route.ts';
import { DomainError } from '#domain/errors.ts';
import { isElementId } from '#domain/ids.ts';
import type { StorageElement } from '#domain/storage-elements.ts';

/** @throws ELEMENT_NOT_FOUND */
export async function findElement(call: Call<{ element_id: string }>): Promise<StorageElement> {
  const { services, params } = call;
  const elementId = params.element_id;
  const found = isElementId(elementId)
    ? await services.ports.elements.findElement(elementId)
    : null;
  if (found !== null) return found;
  throw new DomainError('ELEMENT_NOT_FOUND', 'There is no storage element with this id.');
}

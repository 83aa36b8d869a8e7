import type { Static } from 'typebox';
import { toPlainNumbers } from '#api/plain-numbers.ts';
import { registrationSchema } from '#api/storage-elements/element-schemas.ts';
import { compileBody, findBodyFaults, requireNoFaults } from '#api/validation.ts';
import { findPathFault } from '#domain/element-location.ts';
import { DomainError } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import type { JsonValue } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import type { NewStorageElement, StorageElement } from '#domain/storage-elements.ts';

/** A registration as it was sent; null: what the file system has. */
export type SentElement = Omit<NewStorageElement, 'capacityBytes' | 'status'> & {
  readonly capacityBytes: number | null;
  readonly adopts: boolean;
};

const priorityDefault = 100;
const validate = compileBody(registrationSchema);

/** @throws REQUEST_INVALID with every fault, FEATURE_NOT_AVAILABLE */
export function readRegistration(body: JsonValue): SentElement {
  if (isJsonObject(body) && body['type'] === 's3') {
    throw new DomainError('FEATURE_NOT_AVAILABLE', 'Elements on S3 are not available yet.', {
      details: { faults: [{ pointer: '/type', message: 'must be filesystem' }] },
    });
  }
  const plain = toPlainNumbers(body);
  requireNoFaults(findBodyFaults(validate, plain));
  const sent = plain as unknown as Static<typeof registrationSchema>;
  const pathFault = findPathFault(sent.location.path);
  if (pathFault !== null) requireNoFaults([{ pointer: '/location/path', message: pathFault }]);
  return {
    elementId: sent.element_id as ElementId,
    name: sent.name,
    type: sent.type,
    mode: sent.mode,
    priority: sent.priority ?? priorityDefault,
    capacityBytes: sent.capacity_bytes ?? null,
    location: { path: sent.location.path },
    adopts: sent.adopt ?? false,
  };
}

/** True when the registration would have made just this element. */
export function isSameElement(element: StorageElement, sent: SentElement): boolean {
  return (
    element.name === sent.name &&
    element.type === sent.type &&
    element.mode === sent.mode &&
    element.priority === sent.priority &&
    element.location.path === sent.location.path &&
    (sent.capacityBytes === null || element.capacityBytes === sent.capacityBytes)
  );
}

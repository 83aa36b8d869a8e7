import { answerJson } from '#api/answers.ts';
import { readJsonBody } from '#api/json-body.ts';
import { declareRoute, type Call } from '#api/route.ts';
import {
  bodyErrors,
  elementSchema,
  registrationSchema,
} from '#api/storage-elements/element-schemas.ts';
import {
  elementEtag,
  elementsPath,
  presentElement,
} from '#api/storage-elements/present-element.ts';
import {
  isSameElement,
  readRegistration,
  type SentElement,
} from '#api/storage-elements/read-registration.ts';
import { requireNoFaults } from '#api/validation.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import { instantFromMillis } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { ElementRegistration } from '#domain/ports/storage-element-registry.ts';
import type { NewStorageElement, StorageElement } from '#domain/storage-elements.ts';

const elementHeaders = { Location: 'The element', ETag: 'Of its settings, for a change' };

export const registerElement = declareRoute({
  method: 'POST',
  path: elementsPath,
  name: 'registerElement',
  summary: 'Make a directory a storage element; the same registration again changes nothing',
  tag: 'storage-elements',
  policy: { action: 'elements.manage' },
  body: {
    description:
      'An empty directory becomes an element as it is, one that holds files only with `adopt`. ' +
      'Files that were taken over show after a rebuild.',
    maxBytes: limits.elementBodyBytes,
    content: { 'application/json': registrationSchema },
  },
  answers: {
    201: {
      description: 'Registered; a worker begins to serve it within seconds',
      content: { 'application/json': elementSchema },
      headers: elementHeaders,
    },
    200: {
      description: 'It was registered so before',
      content: { 'application/json': elementSchema },
      headers: elementHeaders,
    },
  },
  errors: [
    ...bodyErrors,
    'FEATURE_NOT_AVAILABLE',
    'ELEMENT_EXISTS',
    'ELEMENT_LOCATION_REFUSED',
    'ELEMENT_UNAVAILABLE',
    'INSUFFICIENT_STORAGE',
    'CATALOGUE_UNAVAILABLE',
  ],
  steps: [
    async (call) => {
      const body = await readJsonBody(call, { maxBytes: limits.elementBodyBytes });
      const sent = readRegistration(body);
      const known = await call.services.ports.elements.listElements();
      const holder = known.find(({ elementId }) => elementId === sent.elementId);
      const { element, isNew } =
        holder === undefined
          ? await claimAndRegister(call, sent, known)
          : { element: holder, isNew: false };
      if (!isSameElement(element, sent)) {
        const detail = 'A storage element with this id is registered with other settings.';
        throw new DomainError('ELEMENT_EXISTS', detail);
      }
      await answerElement(call, element, isNew);
    },
  ],
});

/**
 * The marker comes first: a crash in between leaves a directory of which the same registration
 * makes the element, and never a row without a marker.
 */
async function claimAndRegister(
  call: Call,
  sent: SentElement,
  known: readonly StorageElement[],
): Promise<ElementRegistration> {
  if (known.length >= limits.elementCount) {
    const message = `would make more than ${limits.elementCount} storage elements`;
    requireNoFaults([{ pointer: '', message }]);
  }
  const { adopts, capacityBytes, ...element } = sent;
  const claimed = await call.services.ports.elementDirectories.claimDirectory({
    elementId: element.elementId,
    path: element.location.path,
    adopts,
    others: known.map(({ location }) => location.path),
    createdAt: instantFromMillis(Date.now()),
  });
  return await registerClaimed(call, {
    ...element,
    capacityBytes: capacityBytes ?? claimed.capacityBytes,
    status: 'online',
  });
}

/** Of registrations at the same time another may have got the id, or a place around this one. */
async function registerClaimed(
  { services, logger }: Call,
  element: NewStorageElement,
): Promise<ElementRegistration> {
  const { elements, elementDirectories } = services.ports;
  const { elementId, location } = element;
  try {
    const registration = await elements.registerElement(element);
    if (registration.isNew) logger.info({ element_id: elementId }, 'registered a storage element');
    if (registration.element.location.path !== location.path) {
      await elementDirectories.releaseDirectory(location.path, elementId);
    }
    return registration;
  } catch (error) {
    if (isDomainError(error, 'ELEMENT_LOCATION_REFUSED')) {
      await elementDirectories.releaseDirectory(location.path, elementId);
    }
    throw error;
  }
}

async function answerElement(call: Call, element: StorageElement, isNew: boolean): Promise<void> {
  const { context, services } = call;
  context.set('Location', `${elementsPath}/${element.elementId}`);
  context.set('ETag', elementEtag(element));
  answerJson(
    context,
    isNew ? 201 : 200,
    presentElement(element, await services.freeSpace.current()),
  );
}

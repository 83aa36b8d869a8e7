import type { Static } from 'typebox';
import { Type } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { requireMatch } from '#api/files/conditions.ts';
import { readJsonBody } from '#api/json-body.ts';
import { toPlainNumbers } from '#api/plain-numbers.ts';
import { declareRoute, type Call } from '#api/route.ts';
import {
  bodyErrors,
  elementParams,
  elementPatchSchema,
  elementSchema,
} from '#api/storage-elements/element-schemas.ts';
import { findElement } from '#api/storage-elements/find-element.ts';
import {
  elementEtag,
  elementsPath,
  presentElement,
  settingsOf,
} from '#api/storage-elements/present-element.ts';
import { compileBody, findBodyFaults, requireNoFaults } from '#api/validation.ts';
import { DomainError } from '#domain/errors.ts';
import type { JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { ElementSettings, StorageElement } from '#domain/storage-elements.ts';

const headers = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'The ETag of the settings, or *.' })),
});

const validate = compileBody(elementPatchSchema);

export const patchElement = declareRoute({
  method: 'PATCH',
  path: `${elementsPath}/{element_id}`,
  name: 'patchElement',
  summary: 'Change name, priority or capacity; take an element out of use and back',
  tag: 'storage-elements',
  policy: { action: 'elements.manage' },
  params: elementParams,
  paramsFault: 'ELEMENT_NOT_FOUND',
  headers,
  body: {
    description:
      'In `maintenance` an element takes no new files and no worker writes to it: changes of its ' +
      'files wait until it is `online` again. Reads go on.',
    maxBytes: limits.elementBodyBytes,
    content: {
      'application/merge-patch+json': elementPatchSchema,
      'application/json': elementPatchSchema,
    },
  },
  answers: {
    200: {
      description: 'The element as it is now',
      content: { 'application/json': elementSchema },
      headers: { ETag: 'Of its settings, for the next change' },
    },
  },
  errors: [...bodyErrors, 'ELEMENT_NOT_FOUND', 'PRECONDITION_FAILED', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async (call) => {
      const body = await readJsonBody(call, {
        maxBytes: limits.elementBodyBytes,
        mediaTypes: ['application/merge-patch+json', 'application/json'],
      });
      const element = await changeElement(call, readChange(body));
      const free = await call.services.freeSpace.current();
      call.context.set('ETag', elementEtag(element));
      answerJson(call.context, 200, presentElement(element, free));
    },
  ],
});

/** @throws REQUEST_INVALID with every fault */
function readChange(body: JsonValue): Partial<ElementSettings> {
  const plain = toPlainNumbers(body);
  requireNoFaults(findBodyFaults(validate, plain));
  const sent = plain as Static<typeof elementPatchSchema>;
  return {
    ...(sent.name !== undefined && { name: sent.name }),
    ...(sent.priority !== undefined && { priority: sent.priority }),
    ...(sent.capacity_bytes !== undefined && { capacityBytes: sent.capacity_bytes }),
    ...(sent.status !== undefined && { status: sent.status }),
  };
}

/** Members that are not named are not touched: without If-Match two changes never undo each other. */
async function changeElement(
  call: Call<{ element_id: string }>,
  change: Partial<ElementSettings>,
): Promise<StorageElement> {
  const { services, context, logger } = call;
  const ifMatch = context.req.headers['if-match'];
  const found = await findElement(call);
  requireMatch(ifMatch, elementEtag(found));
  if (Object.keys(change).length === 0) return found;
  const expected = ifMatch === undefined || ifMatch.trim() === '*' ? null : settingsOf(found);
  const { elementId } = found;
  const changed = await services.ports.elements.changeSettings(elementId, change, expected);
  if (changed === null) {
    throw new DomainError('PRECONDITION_FAILED', 'The settings were changed at the same time.');
  }
  logger.info({ element_id: elementId, change }, 'changed a storage element');
  return changed;
}

import { answerJson } from '#api/answers.ts';
import { declareRoute } from '#api/route.ts';
import {
  elementListSchema,
  elementParams,
  elementSchema,
} from '#api/storage-elements/element-schemas.ts';
import { findElement } from '#api/storage-elements/find-element.ts';
import {
  elementEtag,
  elementsPath,
  presentElement,
} from '#api/storage-elements/present-element.ts';

export const listElements = declareRoute({
  method: 'GET',
  path: elementsPath,
  name: 'listElements',
  summary: 'All storage elements with their capacity, by mode and in the order they are filled',
  tag: 'storage-elements',
  policy: { action: 'elements.read' },
  answers: {
    200: { description: 'All of them', content: { 'application/json': elementListSchema } },
  },
  errors: ['CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services, context }) => {
      const elements = await services.ports.elements.listElements();
      const free = await services.freeSpace.current();
      context.set('Cache-Control', 'no-store');
      answerJson(context, 200, {
        items: elements.map((element) => presentElement(element, free)),
        // Registration keeps them few.
        next_cursor: null,
      });
    },
  ],
});

export const showElement = declareRoute({
  method: 'GET',
  path: `${elementsPath}/{element_id}`,
  name: 'showElement',
  summary: 'A storage element: its settings, what it holds and what it has room for',
  tag: 'storage-elements',
  policy: { action: 'elements.read' },
  params: elementParams,
  paramsFault: 'ELEMENT_NOT_FOUND',
  answers: {
    200: {
      description: 'The element',
      content: { 'application/json': elementSchema },
      headers: { ETag: 'Of its settings, for a change' },
    },
  },
  errors: ['ELEMENT_NOT_FOUND', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async (call) => {
      const element = await findElement(call);
      const free = await call.services.freeSpace.current();
      call.context.set('ETag', elementEtag(element));
      call.context.set('Cache-Control', 'no-store');
      answerJson(call.context, 200, presentElement(element, free));
    },
  ],
});

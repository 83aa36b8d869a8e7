import type { Static, TObject } from 'typebox';
import { readOptionalJsonBody } from '#api/json-body.ts';
import { operationSchema } from '#api/operations/operation-schemas.ts';
import { idempotencyErrors, idempotencyHeaders, startOnce } from '#api/operations/start-once.ts';
import { requireWorkflows } from '#api/require-workflows.ts';
import { callerOf, declareRoute, type Call } from '#api/route.ts';
import {
  bodyErrors,
  elementParams,
  emptySchema,
  reconciliationSchema,
} from '#api/storage-elements/element-schemas.ts';
import { findElement } from '#api/storage-elements/find-element.ts';
import { elementsPath } from '#api/storage-elements/present-element.ts';
import { compileBody, findBodyFaults, requireNoFaults } from '#api/validation.ts';
import { DomainError } from '#domain/errors.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { ElementMaintenance, Reconciliation } from '#domain/ports/element-maintenance.ts';
import { isServed, type StorageElement } from '#domain/storage-elements.ts';

interface ElementWork<Body extends TObject> {
  readonly name: string;
  readonly kind: string;
  readonly summary: string;
  readonly path: string;
  readonly bodySchema: Body;
  readonly bodyDescription: string;
  readonly start: (
    maintenance: ElementMaintenance,
    work: Omit<Reconciliation, 'apply'>,
    body: Static<Body>,
  ) => Promise<void>;
}

export const rebuildElement = declareWork({
  name: 'rebuildElement',
  kind: 'rebuildCatalogue',
  summary: 'Make the rows of the catalogue from the sidecars that lie on an element',
  path: 'rebuild',
  bodySchema: emptySchema,
  bodyDescription: 'Nothing, or an object without members.',
  start: (maintenance, work) => maintenance.startRebuild(work),
});

export const reconcileElement = declareWork({
  name: 'reconcileElement',
  kind: 'reconcileElement',
  summary: 'Compare an element with the catalogue, and repair what is safe to repair when asked to',
  path: 'reconcile',
  bodySchema: reconciliationSchema,
  bodyDescription: 'Without it nothing is changed.',
  start: (maintenance, work, { apply = false }) =>
    maintenance.startReconciliation({ ...work, apply }),
});

function declareWork<Body extends TObject>(work: ElementWork<Body>) {
  const validate = compileBody(work.bodySchema);
  return declareRoute({
    method: 'POST',
    path: `${elementsPath}/{element_id}/${work.path}`,
    name: work.name,
    summary: work.summary,
    tag: 'storage-elements',
    policy: { action: 'elements.manage' },
    params: elementParams,
    paramsFault: 'ELEMENT_NOT_FOUND',
    headers: idempotencyHeaders,
    body: {
      description: work.bodyDescription,
      maxBytes: limits.elementBodyBytes,
      content: { 'application/json': work.bodySchema },
    },
    answers: {
      202: {
        description: 'Started; what could not be done is in the failures of the operation',
        content: { 'application/json': operationSchema },
        headers: { Location: 'The operation' },
      },
    },
    errors: [
      ...bodyErrors,
      ...idempotencyErrors,
      'ELEMENT_NOT_FOUND',
      'OPERATION_IN_PROGRESS',
      'ELEMENT_UNAVAILABLE',
      'CATALOGUE_UNAVAILABLE',
      'WORKFLOWS_UNAVAILABLE',
    ],
    steps: [
      async (call) => {
        requireWorkflows(call.services);
        const body = await readOptionalJsonBody(call, limits.elementBodyBytes);
        requireNoFaults(findBodyFaults(validate, body));
        await startWork(call, work, body as Static<Body>);
      },
    ],
  });
}

async function startWork<Body extends TObject>(
  call: Call<{ element_id: string }>,
  work: ElementWork<Body>,
  body: Static<Body>,
): Promise<void> {
  const element = await findElement(call);
  const { elementId } = element;
  const startedBy = callerOf(call).accountId;
  await startOnce(call, {
    kind: work.kind,
    subject: () => ({ type: 'storage_element', id: elementId }),
    request: { element_id: elementId, asked: body as JsonObject },
    async start(operationId) {
      requireServed(element);
      const { elementMaintenance } = call.services.ports;
      await work.start(elementMaintenance, { operationId, elementId, startedBy }, body);
    },
  });
}

/** In any mode, for it reads what lies there; but by a worker, which only an element in use has. */
function requireServed(element: StorageElement): void {
  if (isServed(element)) return;
  const detail = `The storage element is ${element.status}; set it online first.`;
  throw new DomainError('ELEMENT_UNAVAILABLE', detail);
}

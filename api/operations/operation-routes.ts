import { answerJson } from '#api/answers.ts';
import { answerAccepted } from '#api/operations/answer-accepted.ts';
import { findOperation } from '#api/operations/find-operation.ts';
import { listFailures } from '#api/operations/list-failures.ts';
import { listOperations } from '#api/operations/list-operations.ts';
import { operationParams, operationSchema } from '#api/operations/operation-schemas.ts';
import { operationsPath, presentOperation } from '#api/operations/present-operation.ts';
import { requireWorkflows } from '#api/require-workflows.ts';
import { declareRoute, type Call, type Route } from '#api/route.ts';
import { requireControl, type OperationControl } from '#domain/operation-control.ts';
import type { Operation } from '#domain/operations.ts';

const showOperation = declareRoute({
  method: 'GET',
  path: `${operationsPath}/{operation_id}`,
  name: 'showOperation',
  summary: 'Running or finished work: an upload is an operation with the id of its file',
  tag: 'operations',
  policy: { action: 'operations.read' },
  params: operationParams,
  paramsFault: 'OPERATION_NOT_FOUND',
  answers: {
    200: { description: 'The operation', content: { 'application/json': operationSchema } },
  },
  errors: ['OPERATION_NOT_FOUND', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async (call) => {
      const operation = await findOperation(call);
      call.context.set('Cache-Control', 'no-store');
      answerJson(call.context, 200, presentOperation(operation, call.services.settings));
    },
  ],
});

const summaries: Record<OperationControl, string> = {
  cancel: 'Ask an operation to end; one that has passed its commit point goes on',
  pause: 'Let an operation rest between two of its steps',
  resume: 'Let a paused operation go on',
};

function declareControl(control: OperationControl): Route {
  return declareRoute({
    method: 'POST',
    path: `${operationsPath}/{operation_id}/${control}`,
    name: `${control}Operation`,
    summary: summaries[control],
    tag: 'operations',
    policy: { action: 'operations.control' },
    params: operationParams,
    paramsFault: 'OPERATION_NOT_FOUND',
    answers: {
      202: {
        description: 'Asked for; the operation tells what came of it',
        content: { 'application/json': operationSchema },
        headers: { Location: 'The operation' },
      },
    },
    errors: [
      'OPERATION_NOT_FOUND',
      'OPERATION_STATE_FORBIDS',
      'CATALOGUE_UNAVAILABLE',
      'WORKFLOWS_UNAVAILABLE',
    ],
    steps: [(call) => controlOperation(call, control)],
  });
}

async function controlOperation(
  call: Call<{ operation_id: string }>,
  control: OperationControl,
): Promise<void> {
  const operation = await findOperation(call);
  requireControl(operation, control);
  await passOn(call, operation, control);
  await answerAccepted(call, operation);
}

/** Only runs of migrations can rest: `requireControl` has refused it to all others. */
async function passOn(
  { services }: Call,
  operation: Operation,
  control: OperationControl,
): Promise<void> {
  const { ports } = services;
  switch (control) {
    case 'cancel':
      requireWorkflows(services);
      return await ports.lifecycle.cancelOperation(operation);
    case 'pause':
      return await ports.migrations.pauseOperation(operation);
    case 'resume':
      return await ports.migrations.resumeOperation(operation);
  }
}

export const operationRoutes: readonly Route[] = [
  listOperations,
  showOperation,
  listFailures,
  declareControl('cancel'),
  declareControl('pause'),
  declareControl('resume'),
];

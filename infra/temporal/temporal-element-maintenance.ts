import type { ElementMaintenance } from '#domain/ports/element-maintenance.ts';
import {
  elementTaskQueue,
  rebuildCatalogueWorkflowId,
  reconcileElementWorkflowId,
  workflowTypes,
  type RebuildCatalogueInput,
  type ReconcileElementInput,
} from '#workflows/messages.ts';
import { startOperation, type OperationStarterParts } from './start-operation.ts';

/** The worker beside the element does the work; the workflow's id is the element's. */
export function createTemporalElementMaintenance(parts: OperationStarterParts): ElementMaintenance {
  return {
    startRebuild({ operationId, elementId, startedBy }) {
      const input: RebuildCatalogueInput = { operationId, elementId };
      return startOperation(parts, {
        operation: {
          operationId,
          kind: workflowTypes.rebuildCatalogue,
          subject: { type: 'storage_element', id: elementId },
          startedBy,
          workflowId: rebuildCatalogueWorkflowId(elementId),
          elementId,
          input: null,
        },
        taskQueue: elementTaskQueue(elementId),
        input,
        reusePolicy: 'ALLOW_DUPLICATE',
      });
    },

    startReconciliation({ operationId, elementId, startedBy, apply }) {
      const input: ReconcileElementInput = { operationId, elementId };
      return startOperation(parts, {
        operation: {
          operationId,
          kind: workflowTypes.reconcileElement,
          subject: { type: 'storage_element', id: elementId },
          startedBy,
          workflowId: reconcileElementWorkflowId(elementId),
          elementId,
          input: { apply },
        },
        taskQueue: elementTaskQueue(elementId),
        input,
        reusePolicy: 'ALLOW_DUPLICATE',
      });
    },
  };
}

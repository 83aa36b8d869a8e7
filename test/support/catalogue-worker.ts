import type { ElementHarness, TemporalHarness } from '#test/support/element-harness.ts';
import { quietLogger } from '#test/support/element-harness.ts';
import { testStack } from '#test/support/test-stack.ts';
import { runCatalogueWorker, type CatalogueWorkerOptions } from '#workers/catalogue-worker.ts';

/** Of a queue that only this element's tests use. */
export const catalogueQueueOf = ({ elementId }: Pick<ElementHarness, 'elementId'>): string =>
  `catalogue-${elementId}`;

/** Serves the catalogue's work of one test until it is disposed of. */
export async function startCatalogueWorker(
  temporal: TemporalHarness,
  harness: ElementHarness,
  change: Partial<CatalogueWorkerOptions> = {},
): Promise<AsyncDisposable> {
  const stopping = new AbortController();
  const { promise: serving, resolve: onServing } = Promise.withResolvers<void>();
  const { changes, journal, files: catalogue } = harness.catalogue;
  const running = runCatalogueWorker({
    connection: temporal.connection,
    namespace: testStack().temporalNamespace,
    workflowBundle: temporal.workflowBundle,
    taskQueue: catalogueQueueOf(harness),
    changes,
    journal,
    catalogue,
    logger: quietLogger,
    signal: stopping.signal,
    onServing,
    ...change,
  });
  await Promise.race([serving, running]);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

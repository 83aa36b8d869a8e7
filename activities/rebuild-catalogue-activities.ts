import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { ElementId, OperationId } from '#domain/ids.ts';
import type { CatalogueRebuild } from '#domain/ports/catalogue-rebuild.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import type { OperationFailures } from '#domain/ports/operation-failures.ts';
import type { OperationJournal } from '#domain/ports/operation-journal.ts';
import { resultOfRun, startRun } from '#domain/rebuild/rebuild-run.ts';
import type { UploadFailure } from '#domain/uploads.ts';
import { rebuildTurn } from './rebuild-turn.ts';
import { whileBeating } from './while-beating.ts';

export interface RebuildCataloguePorts {
  readonly elementId: ElementId;
  readonly elements: ElementAccess;
  readonly rebuild: CatalogueRebuild;
  readonly failures: Pick<OperationFailures, 'recordFailures'>;
  readonly journal: Pick<OperationJournal, 'beginOperation' | 'finishOperation'>;
  readonly codec: Pick<AttributesCodec, 'parseSidecar' | 'parseAttributes' | 'encodeForCatalogue'>;
  /** As the limits and constants of the same names, unless a test says otherwise. */
  readonly pace?: { readonly batchFiles?: number; readonly turnMs?: number };
}

interface Rebuild {
  readonly operationId: OperationId;
}

export type RebuildCatalogueActivities = ReturnType<typeof createRebuildCatalogueActivities>;

/**
 * The steps of `rebuildCatalogue`. How far it has come stands in the operation's row and moves in
 * the transaction that writes the rows, so that every step may be repeated and each file counts
 * once. Only reads the element: it needs no lock, but the worker beside the disk.
 */
export function createRebuildCatalogueActivities(ports: RebuildCataloguePorts) {
  const { elementId, rebuild, journal } = ports;
  return {
    /** @returns false when the operation was given up before its workflow came to it. */
    async beginRebuild({ operationId }: Rebuild): Promise<boolean> {
      return whileBeating(null, async (signal) => {
        if ((await journal.beginOperation(operationId)) === null) return false;
        if ((await rebuild.findRun(operationId)) === null) {
          const digest = await rebuild.digestListing(elementId, signal);
          await rebuild.beginRun(operationId, startRun(digest));
        }
        return true;
      });
    },

    /** One turn, from where the rebuild stands. @returns true when the whole element was seen. */
    rebuildFiles: ({ operationId }: Rebuild): Promise<boolean> =>
      whileBeating(null, (signal) => rebuildTurn(ports, operationId, signal)),

    /** The end of a rebuild that has seen the whole element. */
    completeRebuild: ({ operationId }: Rebuild): Promise<void> =>
      whileBeating(null, async (signal) => {
        const run = await rebuild.findRun(operationId);
        if (run === null) return;
        const digest = await rebuild.digestListing(elementId, signal);
        await journal.finishOperation(operationId, ['pending', 'running'], {
          state: 'completed',
          result: resultOfRun(run, digest),
        });
      }),

    /** What was done stays, and its result says what it is. */
    async giveUpRebuild(ending: Rebuild & { readonly failure: UploadFailure }): Promise<void> {
      const { operationId, failure } = ending;
      const state = failure.code === 'OPERATION_CANCELLED' ? 'cancelled' : 'failed';
      await journal.finishOperation(operationId, ['pending', 'running'], { state, failure });
    },
  };
}

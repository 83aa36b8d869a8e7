import { CancellationScope, TemporalFailure, log } from '@temporalio/workflow';
import type { BatchOutcome } from '#activities/batch-activities.ts';
import type { FileId } from '#domain/ids.ts';
import type { BatchItem } from '#domain/ports/file-changes.ts';

/** Keeps the outcomes in the order of the request, and writes them down while it goes on. */
export interface BatchProgress {
  report(outcome: BatchOutcome): void;
  /** Waits for what is being written. @returns all outcomes */
  finish(): Promise<readonly BatchOutcome[]>;
}

/** @param write is never called again before it has ended: whoever is late shares the next call. */
export function createBatchProgress(
  items: readonly BatchItem[],
  write: (outcomes: readonly BatchOutcome[]) => Promise<void>,
): BatchProgress {
  const outcomes = new Map<FileId, BatchOutcome>();
  let isBehind = false;
  let writing: Promise<void> | null = null;

  async function catchUp(): Promise<void> {
    while (isBehind) {
      isBehind = false;
      try {
        await write(inOrder());
      } catch (error) {
        if (!(error instanceof TemporalFailure)) throw error;
        log.warn('the progress of a batch could not be written', { error });
      }
    }
    writing = null;
  }

  function inOrder(): BatchOutcome[] {
    return items
      .map(({ fileId }) => outcomes.get(fileId))
      .filter((outcome) => outcome !== undefined);
  }

  return {
    report(outcome) {
      outcomes.set(outcome.fileId, outcome);
      // The end is written by another step.
      isBehind = outcomes.size < items.length;
      writing ??= CancellationScope.nonCancellable(catchUp);
    },
    async finish() {
      await writing;
      return inOrder();
    },
  };
}

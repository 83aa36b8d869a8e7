import type { FailedFile, UploadFailure } from '#domain/uploads.ts';
import {
  checksumOf,
  claimIsGone,
  withClaimedFile,
  withFile,
  type ChangePorts,
  type ChangeStep,
} from './change-steps.ts';
import { takeFile, type TakenFile } from './claim-step.ts';

export type ChangeActivities = ReturnType<typeof createChangeActivities>;

/**
 * The steps of `updateAttributes` and `deleteFile`. What they write was determined before and
 * stands in the operation's row, so that each writes the same bytes however often it runs.
 */
export function createChangeActivities(ports: ChangePorts) {
  const { changes, cache } = ports;
  return {
    /** A deletion hides the file from readers with this. */
    async claimFile(step: ChangeStep): Promise<TakenFile> {
      const taken = await takeFile(ports, step);
      if (taken.kind === 'claimed') await cache?.invalidateFiles([step.fileId]);
      return taken;
    },

    /** The operation ends without effect, and the file is as it was. */
    async giveUpChange(
      step: ChangeStep & { readonly failure: UploadFailure; readonly isCancelled: boolean },
    ): Promise<void> {
      const state = step.isCancelled ? 'cancelled' : 'failed';
      await changes.giveUpChange(step.operationId, state, step.failure);
      await cache?.invalidateFiles([step.fileId]);
    },

    /** @returns why this sidecar does not stand there; null when it does. */
    writeSidecar(step: ChangeStep): Promise<FailedFile | null> {
      return withClaimedFile(ports, step, async (element, change) => {
        if (change.newSidecar === null) throw claimIsGone();
        const [outcome] = await element.writeSidecars([
          { ...change, sidecar: change.newSidecar.text, expectedDigest: change.sidecarDigest },
        ]);
        return outcome?.ok === false ? outcome : null;
      });
    },

    /** Whether the new sidecar stands there, whatever was reported about its writing. */
    isSidecarWritten(step: ChangeStep): Promise<boolean> {
      return withFile(ports, step.fileId, async (element) => {
        const change = await changes.findChange(step.operationId);
        if (change?.isClaimed !== true || change.newSidecar === null) return false;
        return element.hasSidecar(change, change.newSidecar.digest);
      });
    },

    async recordAttributes(step: ChangeStep): Promise<void> {
      if (!(await changes.recordAttributes(step.operationId))) throw claimIsGone();
      await cache?.invalidateFiles([step.fileId]);
    },

    /** @returns why the sidecar was not moved; null when it was. */
    moveSidecarAway(step: ChangeStep): Promise<FailedFile | null> {
      return withClaimedFile(ports, step, async (element, change) => {
        const outcome = await element.moveSidecarAway({
          ...change,
          expectedDigest: change.sidecarDigest,
        });
        return outcome.ok ? null : outcome;
      });
    },

    /** Whether the sidecar is away, whatever was reported about its moving. */
    isSidecarAway(step: ChangeStep): Promise<boolean> {
      return withFile(ports, step.fileId, async (element) => {
        const change = await changes.findChange(step.operationId);
        if (change?.isClaimed !== true) return false;
        if (await element.hasSidecar(change, change.sidecarDigest)) return false;
        return element.isSidecarAway(step.fileId);
      });
    },

    removeContent(step: ChangeStep): Promise<void> {
      return withClaimedFile(ports, step, (element, change) => element.removeContent(change));
    },

    /** The row goes, and last the moved sidecar: it tells that a deletion is under way. */
    purgeFile(step: ChangeStep): Promise<void> {
      return withFile(ports, step.fileId, async (element) => {
        const change = await changes.findChange(step.operationId);
        // Without a row this is a repetition, and the record stands already.
        const checksum = change === null ? '' : checksumOf(change);
        if (!(await changes.purgeFile(step.operationId, checksum))) throw claimIsGone();
        await element.discardMovedSidecar(step.fileId);
        await cache?.invalidateFiles([step.fileId]);
      });
    },
  };
}

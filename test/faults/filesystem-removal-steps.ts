import { createHash } from 'node:crypto';
import { isDomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';
import { faultElementId, faultFiles } from './filesystem-steps.ts';

export interface RemovalResult {
  /** Acknowledged by every step. */
  readonly removed: readonly FileId[];
  /** Said to be in their places still: none of their sidecars may be away. */
  readonly kept: readonly FileId[];
  /** Codes of everything that went wrong. An error without a code is `bug`. */
  readonly codes: readonly string[];
}

/** What a deletion does to an element. */
export async function removeFiles(root: string): Promise<RemovalResult> {
  const removed: FileId[] = [];
  const kept: FileId[] = [];
  const codes: string[] = [];
  try {
    const store = await openFilesystemObjectStore({ elementId: faultElementId, root });
    for (const file of faultFiles) {
      const expectedDigest = createHash('sha256').update(file.sidecar).digest('hex');
      const outcome = await store.moveSidecarAway({ ...file, expectedDigest });
      if (!outcome.ok) {
        kept.push(file.fileId);
        codes.push(outcome.code);
        continue;
      }
      await store.removeContent(file);
      removed.push(file.fileId);
    }
    // The rows go between these two.
    for (const fileId of removed) await store.discardMovedSidecar(fileId);
  } catch (error) {
    codes.push(isDomainError(error) ? error.code : `bug: ${String(error)}`);
  }
  return { removed, kept, codes };
}

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isDomainError } from '#domain/errors.ts';
import type { FileId, GroupId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { FileLifecycle, StoreOutcome } from '#domain/ports/file-lifecycle.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { StagedUpload } from '#domain/uploads.ts';

const pollMs = 20;

/**
 * The steps of `storeFiles` without Temporal, in this process and one file at a time: for tests of
 * the API that are not about workflows.
 */
export function createTestLifecycle(
  uploads: UploadRegistry,
  elementAccess: ElementAccess,
): FileLifecycle {
  async function storeFile(upload: StagedUpload): Promise<StoreOutcome> {
    const { fileId } = upload;
    const groupId = randomUUID() as string as GroupId;
    await uploads.stageUploads([upload]);
    const claimed = await uploads.claimGroup(groupId, [fileId]);
    if (claimed.length === 0) return outcomeOf(fileId);
    const element = await elementAccess.openElement(upload.elementId);
    const [content] = await element.commitContents([upload]);
    if (content?.ok === true) {
      await element.writeSidecars([{ ...upload, expectedDigest: null }]);
    }
    await uploads.recordGroup(groupId, [content ?? { fileId, ok: true }]);
    return outcomeOf(fileId);
  }

  async function outcomeOf(fileId: FileId): Promise<StoreOutcome> {
    const [upload] = await uploads.findUploads([fileId]);
    if (upload?.state === 'stored') return { kind: 'stored' };
    const failure = upload?.failure ?? null;
    if (failure !== null) return { kind: 'failed', failure };
    return { kind: 'pending' };
  }

  return {
    storeFile,
    async awaitUpload(fileId) {
      const endsAt = Date.now() + limits.storeDeadlineMs;
      for (;;) {
        const outcome = await outcomeOf(fileId).catch((error: unknown) => {
          if (!isDomainError(error)) throw error;
          return { kind: 'pending' } as const;
        });
        if (outcome.kind !== 'pending' || Date.now() >= endsAt) return outcome;
        await delay(pollMs);
      }
    },
    isAvailable: () => true,
  };
}

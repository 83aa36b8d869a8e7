import type { FileId, GroupId } from '#domain/ids.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { FailedFile, FileOutcome, StagedUpload, UploadFailure } from '#domain/uploads.ts';
import { changeGroup, decideOutcomes, type ElementPorts } from './element-steps.ts';

export interface StoreFilesPorts extends ElementPorts {
  readonly registry: Pick<
    UploadRegistry,
    'claimGroup' | 'findGroup' | 'failUploads' | 'recordGroup'
  >;
}

interface Group {
  readonly groupId: GroupId;
}

export type StoreFilesActivities = ReturnType<typeof createStoreFilesActivities>;

/**
 * The steps of `storeFiles`. Each reads the group's rows anew, so that a payload carries ids and
 * failures only, and each may run twice.
 */
export function createStoreFilesActivities(ports: StoreFilesPorts) {
  const { registry } = ports;
  return {
    async claimGroup(
      input: Group & { readonly fileIds: readonly FileId[] },
    ): Promise<{ claimedCount: number; notClaimed: FileId[] }> {
      const claimed = new Set(await registry.claimGroup(input.groupId, input.fileIds));
      const notClaimed = input.fileIds.filter((fileId) => !claimed.has(fileId));
      return { claimedCount: claimed.size, notClaimed };
    },

    commitContents({ groupId }: Group): Promise<FailedFile[]> {
      return changeGroup(ports, groupId, async (element, uploads) =>
        onlyFailures(await element.commitContents(uploads)),
      );
    },

    /** @param input.fileIds null: the whole group. */
    returnContents(input: Group & { readonly fileIds: readonly FileId[] | null }): Promise<void> {
      const chosen = input.fileIds === null ? null : new Set(input.fileIds);
      return changeGroup(ports, input.groupId, (element, uploads) =>
        element.returnContents(
          uploads.filter(({ fileId }) => chosen === null || chosen.has(fileId)),
        ),
      );
    },

    async failGroup(
      input: Group & { readonly fileIds: readonly FileId[]; readonly failure: UploadFailure },
    ): Promise<void> {
      const { groupId, fileIds, failure } = input;
      // What the claim never reached, then what it did: of the latter only this group's own.
      await registry.failUploads(fileIds, ['staged'], failure);
      const claimed = (await registry.findGroup(groupId)).map(({ fileId }) => fileId);
      if (claimed.length > 0) await registry.failUploads(claimed, ['committing'], failure);
    },

    writeSidecars(input: Group & { readonly without: readonly FileId[] }): Promise<FailedFile[]> {
      return changeGroup(ports, input.groupId, async (element, uploads) => {
        const sidecars = leaveOut(uploads, input.without);
        return onlyFailures(
          await element.writeSidecars(
            sidecars.map((upload) => ({ ...upload, expectedDigest: null })),
          ),
        );
      });
    },

    decideFiles(
      input: Group & { readonly without: readonly FileId[]; readonly failure: UploadFailure },
    ): Promise<FailedFile[]> {
      return changeGroup(ports, input.groupId, async (element, uploads) => {
        const undecided = leaveOut(uploads, input.without);
        return onlyFailures(await decideOutcomes(element, undecided, input.failure));
      });
    },

    async recordGroup(
      input: Group & { readonly failures: readonly FailedFile[] },
    ): Promise<{ storedCount: number; failures: FailedFile[] }> {
      const failed = input.failures.map(({ fileId }) => fileId);
      const stored = leaveOut(await registry.findGroup(input.groupId), failed);
      const outcomes = await registry.recordGroup(input.groupId, [
        ...stored.map(({ fileId }): FileOutcome => ({ fileId, ok: true })),
        ...input.failures,
      ]);
      const failures = onlyFailures(outcomes);
      return { storedCount: outcomes.length - failures.length, failures };
    },
  };
}

function leaveOut(uploads: readonly StagedUpload[], fileIds: readonly FileId[]): StagedUpload[] {
  const without = new Set(fileIds);
  return uploads.filter(({ fileId }) => !without.has(fileId));
}

function onlyFailures(outcomes: readonly FileOutcome[]): FailedFile[] {
  return outcomes.filter((outcome) => !outcome.ok);
}

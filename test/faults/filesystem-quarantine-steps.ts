import { isDomainError } from '#domain/errors.ts';
import type { FileId, OperationId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';
import { faultElementId, faultFiles } from './filesystem-steps.ts';

export const quarantineOperation = '00000000-0000-4000-8000-0000000000aa' as OperationId;

export interface QuarantineResult {
  /** Acknowledged. */
  readonly aside: readonly FileId[];
  /** Codes of everything that went wrong. An error without a code is `bug`. */
  readonly codes: readonly string[];
}

/** Contents in their places, without sidecars, as a group leaves them that died half way. */
export async function putContents(root: string): Promise<void> {
  const store = await openFilesystemObjectStore({ elementId: faultElementId, root });
  const { signal } = new AbortController();
  for (const { fileId, content } of faultFiles) {
    await store.stageContent(fileId, inOneChunk(content), { signal });
  }
  await store.commitContents(faultFiles);
}

async function* inOneChunk(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

/** What a repair does to an element. */
export async function setFilesAside(root: string): Promise<QuarantineResult> {
  const aside: FileId[] = [];
  const codes: string[] = [];
  try {
    const store = await openFilesystemObjectStore({ elementId: faultElementId, root });
    for (const { fileId, storagePath, storageFilename } of faultFiles) {
      const outcome = await store.quarantineContent({
        storagePath,
        storageFilename,
        operationId: quarantineOperation,
        code: 'CONTENT_ORPHANED',
        decidedAt: parseInstant('2025-11-08T10:30:45Z')!,
        changedBeforeMs: Number.MAX_SAFE_INTEGER,
      });
      if (outcome.ok) aside.push(fileId);
      else codes.push(outcome.code);
    }
  } catch (error) {
    codes.push(isDomainError(error) ? error.code : `bug: ${String(error)}`);
  }
  return { aside, codes };
}

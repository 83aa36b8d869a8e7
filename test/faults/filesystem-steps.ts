import { createHash, randomUUID } from 'node:crypto';
import { isDomainError } from '#domain/errors.ts';
import type { ElementId, FileId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { chooseStorageName } from '#domain/naming/storage-name.ts';
import type { ContentToCommit, ObjectStore, SidecarToWrite } from '#domain/ports/object-store.ts';
import { openFilesystemObjectStore } from '#infra/filesystem/filesystem-object-store.ts';

export const faultElementId = 'edit-01' as ElementId;

interface FaultFile extends ContentToCommit, SidecarToWrite {
  readonly content: Buffer;
}

/** The same at every run. One needs several writes, and each goes to an hour of its own. */
export const faultFiles: readonly FaultFile[] = [
  makeFaultFile('00000000-0000-4000-8000-000000000001', {
    content: Buffer.alloc(1_500_000, 'many writes '),
    createdAt: '2025-11-08T11:00:00Z',
  }),
  makeFaultFile('00000000-0000-4000-8000-000000000002', {
    content: Buffer.from('one write'),
    createdAt: '2025-11-08T12:00:00Z',
  }),
];

function makeFaultFile(id: string, file: { content: Buffer; createdAt: string }): FaultFile {
  const fileId = id as FileId;
  const { content } = file;
  const location = chooseStorageName({
    originalFilename: 'fault.bin',
    username: 'ivanov',
    createdAt: parseInstant(file.createdAt)!,
    fileId,
  });
  const sidecar = JSON.stringify({
    schema_version: '2.0',
    file_id: fileId,
    file_size: content.length,
    checksum: createHash('sha256').update(content).digest('hex'),
    storage_filename: location.storageFilename,
  });
  return {
    fileId,
    content,
    sizeBytes: content.length,
    sidecar,
    expectedDigest: null,
    storagePath: location.storagePath,
    storageFilename: location.storageFilename,
  };
}

export interface StepsResult {
  /** Acknowledged by every step. */
  readonly stored: readonly FileId[];
  /** Said to be not stored: none of them may be visible. */
  readonly failed: readonly FileId[];
  /** Codes of everything that was refused. An error without a code is `bug`. */
  readonly codes: readonly string[];
}

/**
 * What an upload does to an element. `alreadyStaged` stands for the rows of the catalogue: content
 * that was acknowledged as staged is not sent again.
 */
export async function runSteps(
  root: string,
  alreadyStaged: ReadonlySet<FileId>,
  onStaged: (fileId: FileId) => Promise<void> = () => Promise.resolve(),
): Promise<StepsResult> {
  const codes: string[] = [];
  const failed = new Set<FileId>();
  try {
    const store = await openFilesystemObjectStore({ elementId: faultElementId, root });
    const staged: FaultFile[] = [];
    for (const file of faultFiles) {
      try {
        if (!alreadyStaged.has(file.fileId)) {
          await store.stageContent(file.fileId, chunksOf(file.content), {
            signal: new AbortController().signal,
          });
          await onStaged(file.fileId);
        }
        staged.push(file);
      } catch (error) {
        failed.add(file.fileId);
        codes.push(codeOf(error));
      }
    }
    const commits = await store.commitContents(staged);
    const committed = staged.filter((_, index) => commits[index]?.ok);
    const sidecars = await store.writeSidecars(committed);
    for (const outcome of [...commits, ...sidecars]) {
      if (outcome.ok) continue;
      failed.add(outcome.fileId);
      codes.push(outcome.code);
    }
    const stored = committed.filter((_, index) => sidecars[index]?.ok).map(({ fileId }) => fileId);
    return { stored, failed: [...failed], codes };
  } catch (error) {
    return { stored: [], failed: [...failed], codes: [...codes, codeOf(error)] };
  }
}

/** One group of small files, all of one hour. @returns how many were stored. */
export async function storeGroup(store: ObjectStore, size: number): Promise<number> {
  const files = Array.from({ length: size }, () =>
    makeFaultFile(randomUUID(), { content: Buffer.from('x'), createdAt: '2025-11-08T13:00:00Z' }),
  );
  const { signal } = new AbortController();
  const stage = (file: FaultFile) =>
    store.stageContent(file.fileId, chunksOf(file.content), { signal });
  await Promise.all(files.map(stage));
  const commits = await store.commitContents(files);
  const sidecars = await store.writeSidecars(files);
  return files.filter((_, index) => commits[index]?.ok && sidecars[index]?.ok).length;
}

export async function stageBigFile(root: string, sizeBytes: number): Promise<'staged' | 'refused'> {
  const store = await openFilesystemObjectStore({ elementId: faultElementId, root });
  const { fileId, content } = makeFaultFile(randomUUID(), {
    content: Buffer.alloc(sizeBytes, 'big '),
    createdAt: '2025-11-08T14:00:00Z',
  });
  try {
    const { signal } = new AbortController();
    await store.stageContent(fileId, chunksOf(content), { signal });
    return 'staged';
  } catch (error) {
    if (codeOf(error) === 'ELEMENT_UNAVAILABLE') return 'refused';
    throw error;
  }
}

async function* chunksOf(content: Buffer): AsyncIterable<Uint8Array> {
  for (let start = 0; start < content.length; start += 65_536) {
    yield content.subarray(start, start + 65_536);
  }
}

function codeOf(error: unknown): string {
  return isDomainError(error) ? error.code : `bug: ${String(error)}`;
}

import type { ElementId, FileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { ElementWriter } from '#domain/ports/object-store.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';
import type { Upload } from '#domain/uploads.ts';

export interface StagingAges {
  readonly failedStagingKeptMs: number;
  readonly stagingGraceMs: number;
}

interface Staging {
  readonly elementId: ElementId;
  readonly element: Pick<ElementWriter, 'listStaged'>;
  readonly registry: Pick<UploadRegistry, 'findUploads'>;
}

/**
 * What stands in staging and nobody will come for: content of failed uploads, and sidecars that
 * were not finished of those that are files, soon, because the row says so; that of which this element's rows know nothing, after a long time, because absence
 * proves nothing.
 */
export async function findLeftovers(staging: Staging, ages: StagingAges): Promise<FileId[]> {
  const recent = await listWithRows(staging, ages.failedStagingKeptMs);
  const old = await listWithRows(staging, ages.stagingGraceMs);
  const leftovers = new Set<FileId>();
  for (const { fileId, row } of recent) {
    if (row?.state === 'failed' || row?.state === 'stored') leftovers.add(fileId);
  }
  for (const { fileId, row } of old) {
    if (row?.elementId !== staging.elementId) leftovers.add(fileId);
  }
  return [...leftovers];
}

async function listWithRows(
  { element, registry }: Staging,
  minAgeMs: number,
): Promise<{ fileId: FileId; row: Upload | undefined }[]> {
  const staged = await element.listStaged({ minAgeMs, limit: limits.sweepBatch });
  if (staged.length === 0) return [];
  const rows = new Map((await registry.findUploads(staged)).map((row) => [row.fileId, row]));
  return staged.map((fileId) => ({ fileId, row: rows.get(fileId) }));
}

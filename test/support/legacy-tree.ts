import { createHash, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface LegacyFile {
  readonly fileId: string;
  /** Relative to the root. */
  readonly path: string;
  readonly originalFilename: string;
  readonly content: Buffer;
}

/** A tree of version 1.0 as an earlier program has left it, without any marker. */
export async function writeLegacyTree(root: string, count: number): Promise<LegacyFile[]> {
  const files: LegacyFile[] = [];
  for (let index = 0; index < count; index += 1) {
    const fileId = randomUUID();
    const hour = String(index % 24).padStart(2, '0');
    const storagePath = `2024/03/${String((index % 28) + 1).padStart(2, '0')}/${hour}/`;
    const originalFilename = `Отчёт ${index}.txt`;
    const storageFilename = `Отчёт ${index}_ingester_20240301T${hour}0000_${fileId}.txt`;
    const content = Buffer.from(`содержание ${index} `.repeat(1 + (index % 7)));
    const at = `2024-03-${storagePath.slice(8, 10)}T${hour}:00:00.123456+00:00`;
    const sidecar = {
      file_id: fileId,
      original_filename: originalFilename,
      storage_filename: storageFilename,
      file_size: content.length,
      content_type: 'text/plain',
      created_at: at,
      updated_at: at,
      created_by_id: randomUUID(),
      created_by_username: 'ingester',
      created_by_fullname: null,
      description: index % 2 === 0 ? null : `описание ${index}`,
      version: null,
      storage_path: storagePath,
      checksum: createHash('sha256').update(content).digest('hex'),
      metadata: { number: index },
    };
    const path = storagePath + storageFilename;
    await mkdir(join(root, storagePath), { recursive: true });
    await writeFile(join(root, path), content);
    await writeFile(join(root, `${path}.attr.json`), JSON.stringify(sidecar, null, 2));
    files.push({ fileId, path, originalFilename, content });
  }
  return files;
}

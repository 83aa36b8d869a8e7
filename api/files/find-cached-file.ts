import { findFile, type FoundFile } from '#api/files/find-file.ts';
import type { Call } from '#api/route.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { parseFileId } from '#domain/ids.ts';

/**
 * As `findFile`, and from the cache when it is there: for answers that are made of the row alone.
 * What is not found is never cached, so a new file is seen at once.
 */
export async function findCachedFile(
  call: Pick<Call, 'services' | 'caller'>,
  id: string,
): Promise<FoundFile> {
  const { cache, codec } = call.services.ports;
  const fileId = parseFileId(id);
  if (cache === null || fileId === null) return findFile(call, id);
  const { file, ticket } = await cache.readFile(fileId);
  if (file !== null) return { row: file, attributes: codec.parseAttributes(file.attributes) };
  const found = await findFile(call, id);
  if (ticket !== null) {
    const revision = extensionsOf(found.attributes).revision ?? 1;
    // The answer need not wait for it, and it never fails.
    void cache.writeFile({ file: found.row, revision, ticket });
  }
  return found;
}

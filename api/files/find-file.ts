import type { ApiServices } from '#api/services.ts';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { DomainError } from '#domain/errors.ts';
import { parseFileId } from '#domain/ids.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';

export interface FoundFile {
  readonly row: CatalogueFile;
  readonly attributes: Attributes;
}

/** @throws FILE_NOT_FOUND, CATALOGUE_UNAVAILABLE */
export async function findFile({ ports }: ApiServices, id: string): Promise<FoundFile> {
  const fileId = parseFileId(id);
  const row = fileId === null ? null : await ports.catalogue.findFile(fileId);
  if (row === null) throw new DomainError('FILE_NOT_FOUND', 'There is no file with this id.');
  return { row, attributes: ports.codec.parseAttributes(row.attributes) };
}

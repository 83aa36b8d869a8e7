import type { Call } from '#api/route.ts';
import type { ApiServices } from '#api/services.ts';
import { reachOf } from '#domain/access/access.ts';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { DomainError } from '#domain/errors.ts';
import { parseFileId, type FileId } from '#domain/ids.ts';
import { presentInstant } from '#domain/instant.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';

export interface FoundFile {
  readonly row: CatalogueFile;
  readonly attributes: Attributes;
}

/** For readers. @throws FILE_NOT_FOUND, FILE_DELETED (for those who may see audit data), CATALOGUE_UNAVAILABLE */
export async function findFile(
  call: Pick<Call, 'services' | 'caller'>,
  id: string,
): Promise<FoundFile> {
  const { ports } = call.services;
  const fileId = parseFileId(id);
  const row = fileId === null ? null : await ports.catalogue.findFile(fileId);
  if (row !== null) return readAttributes(call.services, row);
  throw (fileId === null ? null : await whenDeleted(call, fileId)) ?? notFound();
}

/** For changes: what the catalogue itself says now. @throws FILE_NOT_FOUND, CATALOGUE_UNAVAILABLE */
export async function findFileToChange(services: ApiServices, id: string): Promise<FoundFile> {
  const fileId = parseFileId(id);
  const row = fileId === null ? null : await services.ports.catalogue.findFile(fileId);
  if (row === null) throw notFound();
  return readAttributes(services, row);
}

function readAttributes({ ports }: ApiServices, row: CatalogueFile): FoundFile {
  return { row, attributes: ports.codec.parseAttributes(row.attributes) };
}

/** That there was a file, and when it went, is audit data. */
async function whenDeleted(
  { services, caller }: Pick<Call, 'services' | 'caller'>,
  fileId: FileId,
): Promise<DomainError | null> {
  if (caller === null || reachOf(caller, 'audit.read') === 'none') return null;
  const deletedAt = await services.ports.catalogue.findDeletedAt(fileId);
  if (deletedAt === null) return null;
  return new DomainError('FILE_DELETED', `This file was deleted at ${presentInstant(deletedAt)}.`, {
    details: { deletedAt: presentInstant(deletedAt) },
  });
}

export function notFound(): DomainError {
  return new DomainError('FILE_NOT_FOUND', 'There is no file with this id.');
}

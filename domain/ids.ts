/**
 * Branded identifiers. An id is made at the edge (API, CLI) by a generator that the composition
 * root passes in; `domain/` itself has no source of randomness.
 */
declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** UUID, lower case. Also the id of the upload that stored the file and of its operation. */
export type FileId = Branded<string, 'FileId'>;
/** UUID, lower case. */
export type OperationId = Branded<string, 'OperationId'>;
/** UUID, lower case: `sub` of a token. */
export type AccountId = Branded<string, 'AccountId'>;
/** 1–63 characters of `a-z0-9-`; part of the element's task queue name. */
export type ElementId = Branded<string, 'ElementId'>;
/** UUID, lower case: one group commit; `store-files/<group_id>` is its workflow. */
export type GroupId = Branded<string, 'GroupId'>;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const elementIdPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** True for the lower-case 8-4-4-4-12 form; the version nibble is not looked at. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}

export function isElementId(text: string): text is ElementId {
  return elementIdPattern.test(text);
}

/** @returns the id in lower case, or null when it is not a UUID. */
export function parseFileId(text: string): FileId | null {
  const lower = text.toLowerCase();
  return isUuid(lower) ? (lower as FileId) : null;
}

/** @returns the id in lower case, or null when it is not a UUID. */
export function parseOperationId(text: string): OperationId | null {
  const lower = text.toLowerCase();
  return isUuid(lower) ? (lower as OperationId) : null;
}

/** An upload's operation has the file's id: one row is both. */
export function operationOfUpload(fileId: FileId): OperationId {
  return fileId as string as OperationId;
}

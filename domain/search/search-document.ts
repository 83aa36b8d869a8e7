import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { instantToMillis } from '#domain/instant.ts';
import type { JsonArray, JsonValue } from '#domain/json.ts';
import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import type { SearchDocument } from '#domain/ports/file-search.ts';
import { fileExtension } from '#domain/search/file-extension.ts';
import { isJsonObject, isRawNumber } from '#domain/strict-json.ts';

/** More text than a sidecar of ours can hold; adopted ones may be of any length. */
const attributeValueCount = 500;
const attributeValueChars = 1_000;

/**
 * What the search index holds of a file. Pure: the same row gives the same document.
 * @param version orders the changes of one file, for whoever compares two of its documents.
 */
export function toSearchDocument(
  file: CatalogueFile,
  attributes: Attributes,
  version: string,
): SearchDocument {
  const { tags, retention } = extensionsOf(attributes);
  return {
    file_id: file.fileId,
    version,
    // Half of a surrogate pair in one document would make the index refuse its whole batch.
    original_filename: attributes.original_filename.toWellFormed(),
    extension: fileExtension(attributes.original_filename).toWellFormed(),
    description: attributes.description?.toWellFormed() ?? null,
    tags: tags.map((tag) => tag.toWellFormed()),
    content_type: attributes.content_type.toWellFormed(),
    username: attributes.created_by_username.toWellFormed(),
    element_id: file.elementId,
    retention_policy: retention?.policy ?? 'permanent',
    file_size: attributes.file_size,
    created_at: instantToMillis(attributes.created_at) / 1000,
    updated_at: instantToMillis(attributes.updated_at) / 1000,
    attribute_values: attributeValues([attributes.custom_attributes, attributes.metadata]),
  };
}

/** Strings and numbers at any depth, as text; the names of the attributes are not searched. */
export function attributeValues(values: JsonArray): readonly string[] {
  const found: string[] = [];
  collectValues(values, found);
  return found;
}

function collectValues(value: JsonValue | undefined, found: string[]): void {
  if (found.length === attributeValueCount) return;
  if (typeof value === 'string') {
    if (value !== '') found.push(value.slice(0, attributeValueChars).toWellFormed());
  } else if (typeof value === 'number') found.push(String(value));
  else if (isRawNumber(value)) found.push(value.rawJSON);
  else if (Array.isArray(value)) {
    for (const item of value as JsonArray) collectValues(item, found);
  } else if (isJsonObject(value)) {
    for (const member of Object.values(value)) collectValues(member, found);
  }
}

import { extensionKeys, hasExtension, memberOf } from '#domain/attributes/extensions.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';

/** The fields of version 1.0 in the order of the specification. */
export const standardFieldsV1 = [
  'file_id',
  'original_filename',
  'storage_filename',
  'file_size',
  'content_type',
  'created_at',
  'updated_at',
  'created_by_id',
  'created_by_username',
  'created_by_fullname',
  'description',
  'version',
  'storage_path',
  'checksum',
  'metadata',
] as const;

export type Member = readonly [name: string, value: JsonValue];

/**
 * The members of a document of the newest version in the order in which they are written: standard
 * fields, extension keys, and then, in their own order, the keys that we do not know. A list,
 * because an object puts keys that look like integers first.
 */
export function orderMembers(
  document: JsonObject,
  standardFields: readonly string[],
): readonly Member[] {
  const known: string[] = [
    ...standardFields,
    ...extensionKeys.filter((key) => hasExtension(document, key)),
  ];
  const members: Member[] = [];
  for (const name of new Set([...known, ...Object.keys(document)])) {
    const value = memberOf(document, name);
    if (value !== undefined) members.push([name, value]);
  }
  return members;
}

/**
 * One member a line, so that people can read and compare sidecars with any tool and no byte of
 * the size limit is lost to indentation.
 */
export function writeSidecarText(document: JsonObject, standardFields: readonly string[]): string {
  const lines = orderMembers(document, standardFields).map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  return `{\n${lines.join(',\n')}\n}\n`;
}

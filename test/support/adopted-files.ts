import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ElementId, FileId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';
import { columnArrays, deriveFileColumns } from '#infra/postgres/file-columns.ts';
import type { Database } from '#infra/postgres/open-pool.ts';
import { newFileId } from '#test/support/stored-files.ts';

/** How an old archive wrote its sidecars down. */
export const adoptedDialects = [
  'v1.0',
  'prefixed-checksum',
  'legacy-upload',
  'readme',
  'sectioned',
] as const;
export type AdoptedDialect = (typeof adoptedDialects)[number];

export interface AdoptedFile extends StorageLocation {
  readonly fileId: FileId;
  readonly dialect: AdoptedDialect | 'v2.0';
  /** Bytes of the sidecar as it was found. */
  readonly original: Buffer;
  readonly sidecarPath: string;
}

export interface AdoptedTraits {
  readonly dialect?: AdoptedFile['dialect'];
  readonly metadata?: JsonObject;
  /** Beside what the dialect has. */
  readonly members?: JsonObject;
  /** Instead of all that. */
  readonly text?: string;
}

interface Place {
  readonly root: string;
  readonly elementId: ElementId;
  readonly database: Database;
}

const codec = openAttributesCodec();
const createdAt = '2024-03-05T10:00:00.123456+00:00';
const username = 'ivanov';
const rowsAtOnce = 1_000;
const filesAtOnce = 32;

/** Files that were put on the element by other means, and their rows as a rebuild makes them. */
export async function adoptFiles(
  place: Place,
  traits: readonly AdoptedTraits[],
): Promise<AdoptedFile[]> {
  const files = traits.map((trait) => describe(place, trait));
  const queue = files.values();
  await mkdir(join(place.root, storagePath), { recursive: true });
  await Promise.all(
    Array.from({ length: filesAtOnce }, async () => {
      for (const { content, file } of queue) {
        await writeFile(file.sidecarPath.slice(0, -'.attr.json'.length), content);
        await writeFile(file.sidecarPath, file.original);
      }
    }),
  );
  for (let from = 0; from < files.length; from += rowsAtOnce) {
    await insertRows(place, files.slice(from, from + rowsAtOnce));
  }
  return files.map(({ file }) => file);
}

const storagePath = '2024/03/05/10/';

function describe({ root }: Place, traits: AdoptedTraits) {
  const fileId = newFileId();
  const content = `The content of ${fileId}.\n`;
  const storageFilename = `contract_${username}_20240305T100000_${fileId}.txt`;
  const dialect = traits.dialect ?? 'v1.0';
  const facts = { fileId, storageFilename, content, traits };
  const original = Buffer.from(
    traits.text ?? `${JSON.stringify(write[dialect](facts), null, 2)}\n`,
  );
  const sidecarPath = join(root, storagePath, `${storageFilename}.attr.json`);
  const file: AdoptedFile = {
    fileId,
    dialect,
    original,
    sidecarPath,
    storagePath,
    storageFilename,
  };
  return { content, file };
}

interface Facts {
  readonly fileId: FileId;
  readonly storageFilename: string;
  readonly content: string;
  readonly traits: AdoptedTraits;
}

const sha256Hex = (data: string): string => createHash('sha256').update(data).digest('hex');

function writeV1({ fileId, storageFilename, content, traits }: Facts): JsonObject {
  return {
    file_id: fileId,
    original_filename: 'contract.txt',
    storage_filename: storageFilename,
    file_size: Buffer.byteLength(content),
    content_type: 'text/plain',
    created_at: createdAt,
    updated_at: createdAt,
    created_by_id: '00000000-0000-4000-8000-000000000001',
    created_by_username: username,
    created_by_fullname: null,
    description: 'Договор поставки',
    version: null,
    storage_path: storagePath,
    checksum: sha256Hex(content),
    metadata: traits.metadata ?? { department: 'sales', year: 2024 },
    ...traits.members,
  };
}

const write: Record<AdoptedFile['dialect'], (facts: Facts) => JsonObject> = {
  'v1.0': writeV1,
  'prefixed-checksum': (facts) => ({
    ...writeV1(facts),
    checksum: `sha256:${sha256Hex(facts.content)}`,
  }),
  'v2.0': (facts) => ({ schema_version: '2.0', ...writeV1(facts), custom_attributes: {} }),
  'legacy-upload': ({ fileId, storageFilename, content, traits }) => ({
    file_id: fileId,
    original_filename: 'contract.txt',
    storage_filename: storageFilename,
    file_size: Buffer.byteLength(content),
    mime_type: 'text/plain',
    sha256: sha256Hex(content),
    uploaded_at: createdAt,
    uploaded_by: username,
    uploader_full_name: 'Иван Иванов',
    version: 3,
    metadata: traits.metadata ?? {},
    ...traits.members,
  }),
  readme: ({ fileId, storageFilename, content, traits }) => ({
    schema_version: '1.0',
    file_id: fileId,
    original_filename: 'contract.txt',
    storage_filename: storageFilename,
    size_bytes: Buffer.byteLength(content),
    mime_type: 'text/plain',
    sha256_hash: sha256Hex(content),
    uploaded_at: createdAt,
    uploaded_by: username,
    department: 'legal',
    ...traits.members,
  }),
  sectioned: ({ storageFilename, content, traits }) => ({
    _meta: { schema_version: '1.0' },
    file: {
      filename: storageFilename,
      original_name: 'contract.txt',
      size: Buffer.byteLength(content),
      mime_type: 'text/plain',
      checksum: sha256Hex(content),
    },
    upload: { username, timestamp: createdAt },
    storage: { tier: 'cold' },
    custom: { project: 'north' },
    ...traits.members,
  }),
};

const insert = {
  text: `insert into files (file_id, element_id, storage_path, storage_filename, original_filename,
      file_size, content_type, created_by_username, tags, retention_policy, created_at, updated_at,
      revision, sidecar_digest, schema_version, attributes)
    select g.file_id, $1, $2, g.storage_filename, g.original_filename, g.file_size, g.content_type,
      g.created_by_username, g.tags::text[], g.retention_policy, g.created_at, g.updated_at,
      g.revision, g.sidecar_digest, g.schema_version, g.attributes::json
    from unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
      $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::text[],
      $15::text[], $16::text[])
      as g (file_id, storage_filename, original_filename, file_size, content_type,
        created_by_username, tags, retention_policy, created_at, updated_at, revision,
        sidecar_digest, schema_version, attributes)`,
};

async function insertRows(
  { elementId, database }: Place,
  described: readonly { readonly file: AdoptedFile }[],
): Promise<void> {
  const files = described.map(({ file }) => file);
  const parsed = files.map((file) => codec.parseSidecar(file.original, file));
  const columns = parsed.map(({ attributes }) => deriveFileColumns(attributes));
  await database.query(insert, [
    elementId,
    storagePath,
    files.map(({ fileId }) => fileId),
    files.map(({ storageFilename }) => storageFilename),
    ...columnArrays(columns),
    parsed.map(({ digest }) => digest),
    parsed.map(({ sourceVersion }) => sourceVersion),
    parsed.map(({ attributes }) => codec.encodeForCatalogue(attributes)),
  ]);
}

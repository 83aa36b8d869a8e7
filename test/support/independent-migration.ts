/**
 * What a migration must make of a sidecar, told by the specification alone: it imports none of the
 * product's code, so that a fault there cannot hide itself here.
 */
type Document = Readonly<Record<string, unknown>>;

const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'legacy-upload': {
    mime_type: 'content_type',
    sha256: 'checksum',
    uploaded_at: 'created_at',
    uploaded_by: 'created_by_username',
    uploader_full_name: 'created_by_fullname',
  },
  readme: {
    size_bytes: 'file_size',
    mime_type: 'content_type',
    sha256_hash: 'checksum',
    uploaded_at: 'created_at',
    uploaded_by: 'created_by_username',
  },
};

export interface FoundSidecar {
  readonly dialect: string;
  readonly original: Uint8Array;
  readonly fileId: string;
  readonly storagePath: string;
  readonly storageFilename: string;
}

/** The document without `integrity`, which is checked by its own digest, and without nulls. */
export function expectedDocument(found: FoundSidecar): Document {
  const source = JSON.parse(Buffer.from(found.original).toString('utf8')) as Document;
  const facts = factsOf(found, source);
  const { revision, retention, ...rest } = facts;
  return withoutNulls({
    metadata: {},
    custom_attributes: {},
    ...rest,
    schema_version: '2.0',
    retention: retention ?? { policy: 'permanent' },
    revision: typeof revision === 'number' ? revision + 1 : 2,
  });
}

function factsOf(found: FoundSidecar, source: Document): Document {
  const { dialect, fileId, storagePath, storageFilename } = found;
  if (dialect === 'v1.0' || dialect === 'v2.0') return source;
  if (dialect === 'prefixed-checksum') {
    return { ...source, checksum: String(source['checksum']).replace('sha256:', '') };
  }
  const place = {
    storage_path: storagePath,
    storage_filename: storageFilename,
    created_by_id: '',
  };
  if (dialect === 'sectioned') {
    const { _meta, file, upload, storage, custom } = source as Record<string, Document>;
    return {
      ...place,
      _meta,
      storage,
      file_id: fileId,
      original_filename: file!['original_name'],
      file_size: file!['size'],
      content_type: file!['mime_type'],
      checksum: file!['checksum'],
      created_by_username: upload!['username'],
      created_at: upload!['timestamp'],
      updated_at: upload!['timestamp'],
      custom_attributes: custom,
    };
  }
  const names = renamed[dialect] ?? {};
  const entries = Object.entries(source).map(([key, value]) => [names[key] ?? key, value]);
  const document = Object.fromEntries(entries) as Document;
  const { version } = document;
  return {
    ...place,
    ...document,
    updated_at: document['created_at'],
    ...(version === undefined ? {} : { version: `${version as number | string}` }),
  };
}

export function withoutNulls(document: Document): Document {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null));
}

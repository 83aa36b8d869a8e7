import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestApi } from '#test/support/test-api.ts';

/** A file as the API shows it, as far as tests look at it. */
export interface FileJson {
  readonly file_id: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly custom_attributes: Readonly<Record<string, unknown>>;
  readonly retention: Readonly<Record<string, unknown>>;
  readonly updated_at: string;
  readonly revision: number;
  readonly schema_version: string;
  readonly storage: { readonly element_id: string; readonly path: string };
}

export interface StoredFile {
  readonly file: FileJson;
  readonly path: string;
  readonly etag: string;
  /** Of its sidecar on the element. */
  readonly sidecarPath: string;
}

/** Stores a small file over HTTP. @param query further fields, as `&name=value`. */
export async function storeFile(
  api: TestApi,
  { query = '', token }: { readonly query?: string; readonly token?: string } = {},
): Promise<StoredFile> {
  const response = await api.fetch(
    `/api/v1/files?filename=${encodeURIComponent('Договор №7.txt')}${query}`,
    { method: 'POST', body: 'content', ...(token !== undefined && { token }) },
  );
  if (response.status !== 201) throw new Error(`not stored: ${await response.text()}`);
  const file = (await response.json()) as FileJson;
  return {
    file,
    path: `/api/v1/files/${file.file_id}`,
    etag: response.headers.get('etag') ?? '',
    sidecarPath: join(api.rootOf(file.storage.element_id), `${file.storage.path}.attr.json`),
  };
}

export interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface PatchOptions {
  /** Null: none is sent. Default: the tag of the stored file. */
  readonly ifMatch?: string | null;
  readonly contentType?: string;
  readonly token?: string;
}

/** Text is sent as it is, everything else as JSON. */
export async function patchFile(
  api: TestApi,
  { path, etag }: Pick<StoredFile, 'path' | 'etag'>,
  ...[patch, options = {}]: [patch: unknown, options?: PatchOptions]
): Promise<Answer> {
  const { ifMatch = etag, contentType = 'application/merge-patch+json', token } = options;
  const response = await api.fetch(path, {
    method: 'PATCH',
    headers: { 'Content-Type': contentType, ...(ifMatch !== null && { 'If-Match': ifMatch }) },
    body: typeof patch === 'string' ? patch : JSON.stringify(patch),
    ...(token !== undefined && { token }),
  });
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    body: (await response.json()) as Answer['body'],
  };
}

export function readSidecar({ sidecarPath }: StoredFile): Promise<Buffer> {
  return readFile(sidecarPath);
}

import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeMethod } from './barrier-visit.ts';
import type { System } from './system-stack.ts';
import type { Sent } from './system-uploads.ts';

/** A stored document as it stands on its element, found without the API. */
export interface StandingFile {
  readonly sent: Sent;
  readonly fileId: string;
  readonly elementId: string;
  /** Of the content, relative to the element's directory. */
  readonly path: string;
  /** The sidecar, to the byte. */
  readonly text: string;
  readonly digest: string;
}

export type ChangeAnswer =
  /** 200: the change has happened, and this is the digest of the new sidecar. */
  | { readonly kind: 'changed'; readonly digest: string }
  /** 202. */
  | { readonly kind: 'accepted'; readonly operationId: string }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  /** The connection broke: nothing is known. */
  | { readonly kind: 'broken' };

/** What one client asked for, and what it was told. */
export interface SentChange {
  /** For the sentences of the verdict. */
  readonly name: string;
  readonly method: ChangeMethod;
  readonly before: StandingFile;
  /** What the PATCH sets; a DELETE has none. */
  readonly version: string | null;
  readonly answer: ChangeAnswer;
}

/** @param sent documents that were acknowledged. */
export async function findStanding(system: System, sent: readonly Sent[]): Promise<StandingFile[]> {
  const ids = sent.map(({ document, answer }) => {
    if (answer.kind === 'stored') return answer.fileId;
    throw new Error(`${document.marker} was not stored: ${JSON.stringify(answer)}`);
  });
  const rows = await system.query<{ file_id: string; element_id: string; path: string }>(
    `SELECT file_id, element_id, storage_path || storage_filename AS path
      FROM files WHERE file_id = ANY($1::uuid[])`,
    [ids],
  );
  const byId = new Map(rows.map((row) => [row.file_id, row]));
  return Promise.all(
    sent.map(async (one, index) => {
      const row = byId.get(ids[index] ?? '');
      if (row === undefined) throw new Error(`${one.document.marker} has no row`);
      const { file_id: fileId, element_id: elementId, path } = row;
      return { sent: one, fileId, elementId, path, ...(await readSidecar(system, row)) };
    }),
  );
}

/** As it stands there now. */
export async function lookAgain(system: System, file: StandingFile): Promise<StandingFile> {
  const place = { element_id: file.elementId, path: file.path };
  return { ...file, ...(await readSidecar(system, place)) };
}

async function readSidecar(
  system: System,
  place: { readonly element_id: string; readonly path: string },
): Promise<Pick<StandingFile, 'text' | 'digest'>> {
  const text = await readFile(join(system.rootOf(place.element_id), `${place.path}.attr.json`));
  return { text: text.toString(), digest: createHash('sha256').update(text).digest('hex') };
}

/** A PATCH of the version, made from the file as it stands. One try: the first answer counts. */
export async function sendPatch(
  system: System,
  before: StandingFile,
  name = 'a PATCH',
): Promise<SentChange> {
  const version = randomUUID();
  const answer = await ask(system, before, {
    method: 'PATCH',
    headers: {
      'content-type': 'application/merge-patch+json',
      'if-match': `"${before.digest}"`,
    },
    body: JSON.stringify({ version }),
  });
  return { name, method: 'PATCH', before, version, answer };
}

export async function sendDelete(
  system: System,
  before: StandingFile,
  name = 'a DELETE',
): Promise<SentChange> {
  const answer = await ask(system, before, { method: 'DELETE' });
  return { name, method: 'DELETE', before, version: null, answer };
}

async function ask(system: System, { fileId }: StandingFile, init: RequestInit) {
  try {
    const response = await system.fetch(`/api/v1/files/${fileId}`, init);
    return await readAnswer(response);
  } catch {
    return { kind: 'broken' } as const;
  }
}

async function readAnswer(response: Response): Promise<ChangeAnswer> {
  const body = (await response.json()) as Record<string, unknown>;
  const { status } = response;
  if (status === 200) {
    return { kind: 'changed', digest: (response.headers.get('etag') ?? '').replaceAll('"', '') };
  }
  if (status === 202) return { kind: 'accepted', operationId: String(body['operation_id']) };
  return { kind: 'refused', status, code: String(body['code']) };
}

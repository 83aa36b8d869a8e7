import { basename, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { lookup } from 'mime-types';
import type { JsonObject } from '#domain/json.ts';
import { readFileAnswer, type FileAnswer } from './answers.ts';
import type { ApiAnswer } from './api-answers.ts';
import type { ApiClient } from './api-client.ts';
import { CliError, ProblemError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { exitCodes } from './exit-codes.ts';
import { hashFile } from './local-content.ts';
import { readOperation, type OperationAnswer } from './operation-answer.ts';
import { createFormBody, type UploadForm } from './upload-form.ts';
import { uploadKey } from './upload-key.ts';

export interface UploadOptions {
  readonly api: ApiClient;
  readonly signal: AbortSignal;
  readonly isFollowing: boolean;
  /** Null: by the extension of the name. */
  readonly contentType: string | null;
  /** Stored also when the same was stored before. */
  readonly isAnew: boolean;
  readonly onSent: (sizeBytes: number) => void;
}

export type Uploaded =
  | { readonly kind: 'stored'; readonly file: FileAnswer; readonly isNew: boolean }
  | { readonly kind: 'accepted'; readonly operation: OperationAnswer };

/** @throws CliError */
export async function uploadFile(
  path: string,
  fields: JsonObject,
  options: UploadOptions,
): Promise<Uploaded> {
  const { api, signal, isFollowing } = options;
  const content = await hashFile({ path, isFollowing }, signal);
  const filename = basename(resolve(path));
  const guessed = lookup(filename);
  const contentType =
    options.contentType ?? (guessed === false ? 'application/octet-stream' : guessed);
  const form: UploadForm = { filename, contentType, content, fields };
  const body = createFormBody(form, options.onSent);
  const startedAtMs = performance.now();
  const answer = await api.call({
    method: 'POST',
    path: '/files',
    headers: {
      'Content-Type': body.contentType,
      'Idempotency-Key': options.isAnew ? randomUUID() : uploadKey(form),
    },
    body,
    repeat: 'always',
  });
  if (answer.status === 202) return { kind: 'accepted', operation: readOperation(answer.json) };
  const file = readFileAnswer(answer.json);
  if (file.checksum !== Buffer.from(content.sha256).toString('hex')) throw otherContent(path);
  const isNew = isStoredNow(answer, file, performance.now() - startedAtMs);
  if (!isNew) await requireStillThere(api, file);
  return { kind: 'stored', file, isNew };
}

function otherContent(path: string): CliError {
  return new CliError(
    exitCodes.damaged,
    `${path}: the server confirms other content than was sent.`,
  );
}

/** By the server's own clock: an answer to a key that was used before shows when it was stored. */
function isStoredNow({ headers }: ApiAnswer, { createdAt }: FileAnswer, tookMs: number): boolean {
  const ageMs = Date.parse(headers.date ?? '') - Date.parse(createdAt);
  return Number.isNaN(ageMs) || ageMs <= tookMs + clientLimits.replayMarginMs;
}

/** The first answer is given again also when the file was deleted since: that is no stored file. */
async function requireStillThere(api: ApiClient, { fileId }: FileAnswer): Promise<void> {
  try {
    await api.call({ method: 'GET', path: `/files/${fileId}`, repeat: 'always' });
  } catch (error) {
    const isGone = error instanceof ProblemError && error.exitCode === exitCodes.notFound;
    if (!isGone) throw error;
    const message = `It was stored before as ${fileId} and deleted since; --again stores it anew.`;
    throw new CliError(exitCodes.conflict, message, { cause: error });
  }
}

import { createHash, type Hash } from 'node:crypto';
import type { FileAnswer } from './answers.ts';
import type { ApiClient } from './api-client.ts';
import { ConnectionError, damagedError } from './cli-error.ts';
import { filePath } from './file-path.ts';
import { readChunks, type HttpAnswer } from './http-client.ts';

export interface DownloadOptions {
  readonly api: ApiClient;
  readonly signal: AbortSignal;
  /** How often a broken connection is taken up again. */
  readonly retries: number;
}

/**
 * The bytes of a file, in order and each once; a connection that breaks is taken up where it
 * broke. It ends without an error only when size and digest are those of the attributes.
 * @throws CliError
 */
export async function* readVerified(
  file: FileAnswer,
  options: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let position = 0;
  for (let tries = 0; ; tries += 1) {
    const startedAt = position;
    try {
      for await (const chunk of readFrom(file, position, options)) {
        position += chunk.length;
        if (position > file.sizeBytes) throw wrongContent(file);
        hash.update(chunk);
        yield chunk;
      }
      break;
    } catch (error) {
      const isBroken = error instanceof ConnectionError;
      if (!isBroken || tries >= options.retries || position === startedAt) throw error;
    }
  }
  requireDigest(file, position, hash);
}

async function* readFrom(
  file: FileAnswer,
  position: number,
  { api, signal }: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  // Another content under the same id would be another file: If-Match says which one is meant.
  const answer = await api.open({
    method: 'GET',
    path: `${filePath(file.fileId)}/content`,
    headers: {
      Accept: '*/*',
      'Accept-Encoding': 'identity',
      'If-Match': `"${file.checksum}"`,
      ...(position > 0 && { Range: `bytes=${position}-` }),
    },
    repeat: 'always',
  });
  try {
    requireRange(file, position, answer);
    requireReprDigest(file, answer);
    yield* readChunks(answer, signal);
  } finally {
    answer.body.destroy();
  }
}

function requireRange(file: FileAnswer, position: number, { status, headers }: HttpAnswer): void {
  const range = `bytes ${position}-${file.sizeBytes - 1}/${file.sizeBytes}`;
  const isRight = position === 0 ? status === 200 : headers['content-range'] === range;
  if (!isRight) throw damagedError('The server sent another part of the file than was asked for.');
}

/** RFC 9530: the server's own word for the same thing. */
function requireReprDigest(file: FileAnswer, { headers }: HttpAnswer): void {
  const header = headers['repr-digest'];
  if (typeof header !== 'string') return;
  const [, base64] = /(?:^|,)\s*sha-256=:([^:]*):/.exec(header) ?? [];
  if (base64 === undefined) return;
  if (Buffer.from(base64, 'base64').toString('hex') !== file.checksum) throw wrongContent(file);
}

function requireDigest(file: FileAnswer, sizeBytes: number, hash: Hash): void {
  const isWhole = sizeBytes === file.sizeBytes && hash.digest('hex') === file.checksum;
  if (!isWhole) throw wrongContent(file);
}

function wrongContent({ fileId }: FileAnswer) {
  return damagedError(`The content of ${fileId} does not have the digest of its attributes.`);
}

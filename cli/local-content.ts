import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { CliError, localError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { exitCodes } from './exit-codes.ts';
import { interruptedError } from './interruption.ts';

export interface LocalFile {
  readonly path: string;
  readonly isFollowing: boolean;
}

/** What a file was like when it was hashed. Sent is this or nothing. */
export interface LocalContent extends LocalFile {
  readonly sizeBytes: number;
  readonly changedAtNs: bigint;
  readonly sha256: Uint8Array;
}

/** @throws CliError */
export async function hashFile(file: LocalFile, signal: AbortSignal): Promise<LocalContent> {
  const { path } = file;
  try {
    await using handle = await openFile(file);
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw new CliError(exitCodes.local, `${path} is no regular file.`);
    const sizeBytes = Number(before.size);
    const hash = createHash('sha256');
    for await (const chunk of readExactly(handle, { path, sizeBytes })) {
      if (signal.aborted) throw interruptedError(signal);
      hash.update(chunk);
    }
    const content = { ...file, sizeBytes, changedAtNs: before.mtimeNs, sha256: hash.digest() };
    await requireUnchanged(handle, content);
    return content;
  } catch (error) {
    throw localError(path, 'read', error);
  }
}

/** The same bytes again. @throws CliError when the file was changed since it was hashed */
export async function* readContent(content: LocalContent): AsyncGenerator<Uint8Array> {
  try {
    await using handle = await openFile(content);
    yield* readExactly(handle, content);
    await requireUnchanged(handle, content);
  } catch (error) {
    throw localError(content.path, 'read', error);
  }
}

/** Whatever took the place of the file since it was looked at is not followed and not waited for. */
function openFile({ path, isFollowing }: LocalFile): Promise<FileHandle> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  return open(path, O_RDONLY | O_NONBLOCK | (isFollowing ? 0 : O_NOFOLLOW));
}

async function* readExactly(
  handle: FileHandle,
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < sizeBytes;) {
    const length = Math.min(clientLimits.readChunkBytes, sizeBytes - position);
    const chunk = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await handle.read(chunk, 0, length, position);
    if (bytesRead === 0) throw changedError(path);
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

async function requireUnchanged(
  handle: FileHandle,
  { path, sizeBytes, changedAtNs }: Omit<LocalContent, 'sha256'>,
): Promise<void> {
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  if (Number(size) !== sizeBytes || mtimeNs !== changedAtNs) throw changedError(path);
}

function changedError(path: string): CliError {
  return new CliError(exitCodes.local, `${path} was changed while it was read.`);
}

import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { DomainError } from '#domain/errors.ts';
import {
  errnoOf,
  nullWhenAbsent,
  translateFilesystemError,
  translating,
} from './filesystem-fault.ts';

/** Large enough that a system call costs nothing, small enough for a thousand readers. */
const chunkSizeBytes = 262_144;

export type ContentReader = AsyncIterable<Uint8Array> & AsyncDisposable;

export interface ReadOptions {
  readonly sizeBytes: number;
  readonly start?: number;
  readonly end?: number;
  readonly signal: AbortSignal;
}

/** @returns null when there is no such file. */
export async function openContentReader(
  path: string,
  options: ReadOptions,
): Promise<ContentReader | null> {
  const { sizeBytes, signal } = options;
  const start = options.start ?? 0;
  const end = options.end ?? sizeBytes - 1;
  const isWhole = options.start === undefined && options.end === undefined;
  if (!isWhole && (start < 0 || start > end || end >= sizeBytes)) {
    throw new DomainError('RANGE_NOT_SATISFIABLE', 'The range does not lie within the content.');
  }
  signal.throwIfAborted();
  const opened = await openRegular(path);
  if (opened === null) return null;
  if (opened.sizeBytes !== sizeBytes) {
    await opened.handle.close();
    throw new DomainError('CONTENT_CORRUPT', 'The content does not have its recorded size.', {
      details: { sizeBytes: opened.sizeBytes },
    });
  }
  return createReader(opened.handle, { start, length: end - start + 1, signal, isReusing: true });
}

/** The whole file, whatever its size. @returns null when there is none. */
export async function openWholeReader(
  path: string,
  signal: AbortSignal,
): Promise<ContentReader | null> {
  signal.throwIfAborted();
  const opened = await openRegular(path);
  if (opened === null) return null;
  const section = { start: 0, length: opened.sizeBytes, signal, isReusing: false };
  return createReader(opened.handle, section);
}

async function openRegular(
  path: string,
): Promise<{ readonly handle: FileHandle; readonly sizeBytes: number } | null> {
  let handle: FileHandle | null;
  try {
    // Without O_NONBLOCK a pipe in the place of content would hold a thread for ever.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    handle = await nullWhenAbsent(open(path, flags));
  } catch (error) {
    if (error instanceof DomainError && errnoOf(error.cause) === 'ELOOP') throw wrongKind(error);
    throw error;
  }
  if (handle === null) return null;
  try {
    const stats = await translating(handle.stat());
    if (!stats.isFile()) throw wrongKind();
    return { handle, sizeBytes: stats.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function wrongKind(cause?: unknown): DomainError {
  return new DomainError('CONTENT_CORRUPT', 'What stands in the place of the content is no file.', {
    cause,
  });
}

interface Section {
  readonly start: number;
  readonly length: number;
  readonly signal: AbortSignal;
  /** Two buffers for the whole content, in turn: a new one for each chunk is most of a download's cost. */
  readonly isReusing: boolean;
}

function createReader(handle: FileHandle, section: Section): ContentReader {
  let reading: Promise<Uint8Array> | null = null;
  let closing: Promise<void> | null = null;
  /** The chunk that the caller is done with once it asks for the next. */
  let spare: Buffer | null = null;

  function startRead(position: number): Promise<Buffer> {
    const length = Math.min(section.start + section.length - position, chunkSizeBytes);
    // Only the last chunk is shorter, so a spare one is always long enough.
    const target = spare?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
    spare = null;
    const started = readInto(target, handle, position);
    reading = started;
    // Looked at by the next pull; until then it must not count as unhandled.
    started.catch(() => undefined);
    return started;
  }

  /** Never while a read is under way: the descriptor could be another file's by then. */
  function close(): Promise<void> {
    section.signal.removeEventListener('abort', onAbort);
    closing ??= Promise.resolve(reading)
      .catch(() => undefined)
      .then(() => handle.close());
    return closing;
  }

  function onAbort(): void {
    void close().catch(() => undefined);
  }
  section.signal.addEventListener('abort', onAbort, { once: true });

  async function* readAll(): AsyncGenerator<Uint8Array> {
    try {
      const end = section.start + section.length;
      let position = section.start;
      let next = position < end && closing === null ? startRead(position) : null;
      while (next !== null) {
        const chunk = await next;
        section.signal.throwIfAborted();
        position += chunk.byteLength;
        // Read ahead by one: the disk works while the caller hashes and sends.
        next = position < end ? startRead(position) : null;
        yield chunk;
        section.signal.throwIfAborted();
        if (section.isReusing) spare = chunk;
      }
      section.signal.throwIfAborted();
    } finally {
      await close();
    }
  }

  return {
    [Symbol.asyncIterator]: readAll,
    [Symbol.asyncDispose]: close,
  };
}

/** All of `chunk`: the size was checked at the start, less means that it changed since. */
async function readInto(chunk: Buffer, handle: FileHandle, position: number): Promise<Buffer> {
  const { length } = chunk;
  let filled = 0;
  while (filled < length) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await handle.read(chunk, filled, length - filled, position + filled));
    } catch (error) {
      throw translateFilesystemError(error);
    }
    if (bytesRead === 0) {
      throw new DomainError('CONTENT_CORRUPT', 'The content became shorter while it was read.');
    }
    filled += bytesRead;
  }
  return chunk;
}

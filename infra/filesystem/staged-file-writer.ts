import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import type { StagedContent } from '#domain/ports/object-store.ts';
import { fileMode } from './durable-directories.ts';
import { errnoOf, translating } from './filesystem-fault.ts';

/**
 * Small chunks are gathered into writes of about this size; two of them exist at a time. Larger
 * ones cost the kernel more than they save: it looks for contiguous memory of the size of a write.
 */
const writeSizeBytes = 262_144;
/** Of a sender of tiny chunks: what one system call takes. */
const writeChunks = 512;

/**
 * A big file is sent to the disk while it arrives: the fsync at its end has little left to do, and
 * small files next to it do not wait for gigabytes in memory to be written.
 */
const earlySyncBytes = 33_554_432;

const createExclusively =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Makes a new file; what an earlier attempt left under this name goes. */
async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, createExclusively, fileMode);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    await unlink(path);
    return open(path, createExclusively, fileMode);
  }
}

/** Makes a small file and fsyncs it; the directory is the caller's. */
export async function writeSmallFile(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await createFile(path);
  try {
    await writeFully(handle, { chunks: [bytes], position: 0 });
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  readonly beforeWrite?: (totalBytes: number) => Promise<void> | void;
}

/**
 * Writes a new file and fsyncs it, hashing on the way: one write is under way while the next
 * chunks are received and hashed. The directory is the caller's to fsync. On any failure the file
 * is removed: a failed fsync cannot be made good by another one, only by writing anew.
 */
export async function writeStagedFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<StagedContent> {
  options.signal.throwIfAborted();
  const handle = await translating(createFile(path));
  try {
    const writer = createGatheringWriter(handle);
    let staged: StagedContent;
    try {
      staged = await receive(content, writer, options);
    } finally {
      await writer.settle();
    }
    await translating(handle.sync());
    await translating(handle.close());
    options.signal.throwIfAborted();
    return staged;
  } catch (error) {
    await abandon(path, handle);
    throw error;
  }
}

async function abandon(path: string, handle: FileHandle): Promise<void> {
  // The sweep takes what cannot be removed now; the failure that led here is the one to report.
  await handle.close().catch(() => undefined);
  await unlink(path).catch(() => undefined);
}

async function receive(
  content: AsyncIterable<Uint8Array>,
  writer: GatheringWriter,
  options: WriteOptions,
): Promise<StagedContent> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of interruptible(content, options.signal)) {
    if (chunk.byteLength === 0) continue;
    sizeBytes += chunk.byteLength;
    const permission = options.beforeWrite?.(sizeBytes);
    if (permission !== undefined) await permission;
    hash.update(chunk);
    await writer.add(chunk);
  }
  await writer.flush();
  return { sizeBytes, checksum: hash.digest('hex') };
}

/** A sender that has gone silent must not hold the file: the signal also ends a pending read. */
async function* interruptible(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = content[Symbol.asyncIterator]();
  let interrupt: (reason: unknown) => void = () => undefined;
  const onAbort = (): void => interrupt(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let isEnded = false;
  try {
    while (true) {
      signal.throwIfAborted();
      const result = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = reject;
        iterator.next().then(resolve, reject);
      });
      isEnded = result.done === true;
      if (isEnded) return;
      yield result.value as Uint8Array;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a generator that waits for its sender would answer only after the sender did.
    if (!isEnded) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

interface GatheringWriter {
  /** Takes a chunk; waits only when one write is under way and the next is full. */
  add(chunk: Uint8Array): Promise<void>;
  /** Everything taken is written. */
  flush(): Promise<void>;
  /** Nothing is under way any more, whatever became of it. */
  settle(): Promise<void>;
}

function createGatheringWriter(handle: FileHandle): GatheringWriter {
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let position = 0;
  let writing = Promise.resolve();
  const startSync = createEarlySync(handle);
  let syncing = Promise.resolve();

  async function startWrite(): Promise<void> {
    const write = { chunks: gathered, position };
    position += gatheredBytes;
    gathered = [];
    gatheredBytes = 0;
    await writing;
    syncing = startSync(write.position);
    writing = writeFully(handle, write);
    // Looked at with the next write; until then it must not count as unhandled.
    writing.catch(() => undefined);
  }

  return {
    async add(chunk) {
      gathered.push(chunk);
      gatheredBytes += chunk.byteLength;
      if (gatheredBytes >= writeSizeBytes || gathered.length >= writeChunks) await startWrite();
    },
    async flush() {
      if (gathered.length > 0) await startWrite();
      await writing;
      await syncing;
    },
    async settle() {
      await Promise.allSettled([writing, syncing]);
    },
  };
}

/** One at a time, and after a failed one no other: the kernel reports lost writes only once. */
function createEarlySync(handle: FileHandle): (writtenBytes: number) => Promise<void> {
  let last = Promise.resolve();
  let lastBytes = 0;
  let isUnderWay = false;
  return (writtenBytes) => {
    if (isUnderWay || writtenBytes - lastBytes < earlySyncBytes) return last;
    lastBytes = writtenBytes;
    isUnderWay = true;
    last = translating(handle.datasync()).then(() => {
      isUnderWay = false;
    });
    // Looked at when the file ends.
    last.catch(() => undefined);
    return last;
  };
}

/** A write may take only a part of what it is given. */
async function writeFully(
  handle: FileHandle,
  write: { readonly chunks: readonly Uint8Array[]; readonly position: number },
): Promise<void> {
  let rest = [...write.chunks];
  let position = write.position;
  while (rest.length > 0) {
    const { bytesWritten } = await translating(handle.writev(rest, position));
    rest = skipBytes(rest, bytesWritten);
    position += bytesWritten;
  }
}

function skipBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip >= chunk.byteLength) skip -= chunk.byteLength;
    else {
      rest.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}

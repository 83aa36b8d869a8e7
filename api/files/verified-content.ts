import { createHash } from 'node:crypto';
import type { ByteRange } from '#api/files/byte-ranges.ts';
import type { FoundFile } from '#api/files/find-file.ts';
import type { Call } from '#api/route.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { FileState } from '#domain/ports/file-catalogue.ts';

type Content = AsyncIterable<Uint8Array> & AsyncDisposable;

/**
 * Opens content and, when all of it is read, checks it on the way: the last chunk is held back
 * until the digest is known, so that damaged content never looks complete to the receiver.
 * What is found goes into the catalogue.
 * @throws CONTENT_MISSING, CONTENT_CORRUPT, ELEMENT_UNAVAILABLE; the returned content throws CONTENT_CORRUPT
 */
export async function openVerifiedContent(
  call: Call,
  file: FoundFile,
  range?: ByteRange,
): Promise<Content> {
  const { row, attributes } = file;
  const sizeBytes = attributes.file_size;
  const isWhole = range === undefined || (range.start === 0 && range.end === sizeBytes - 1);
  try {
    const element = await call.services.ports.elementAccess.openElement(row.elementId);
    const content = await element.openContent(row, {
      sizeBytes,
      signal: call.signal,
      ...(isWhole ? {} : range),
    });
    if (!isWhole) return content;
    return {
      [Symbol.asyncIterator]: () => verify(call, file, content),
      [Symbol.asyncDispose]: () => content[Symbol.asyncDispose](),
    };
  } catch (error) {
    if (isDomainError(error, 'CONTENT_MISSING')) await noteMissing(call, file);
    if (isDomainError(error, 'CONTENT_CORRUPT')) await noteDamage(call, file, 'wrong length');
    throw error;
  }
}

async function* verify(
  call: Call,
  file: FoundFile,
  content: Content,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    const last = yield* readVerified(file, content);
    await noteGood(call, file);
    if (last !== null) yield last;
  } catch (error) {
    if (isDomainError(error, 'CONTENT_CORRUPT')) await noteDamage(call, file, 'wrong content');
    throw error;
  }
}

/** @returns the last chunk, when all of it has the digest it must have. */
async function* readVerified(
  { attributes }: FoundFile,
  content: Content,
): AsyncGenerator<Uint8Array, Uint8Array | null, void> {
  const hash = createHash('sha256');
  let remaining = attributes.file_size;
  let last: Uint8Array | null = null;
  for await (const chunk of content) {
    hash.update(chunk);
    remaining -= chunk.length;
    if (remaining > 0) {
      yield chunk;
    } else {
      last = chunk;
      break;
    }
  }
  if (remaining === 0 && hash.digest('hex') === attributes.checksum) return last;
  throw new DomainError('CONTENT_CORRUPT', 'The stored bytes are not the ones that were sent.');
}

/** One bad reading makes a file suspect, a second one corrupt: the fault may lie in the reading. */
async function noteDamage(call: Call, { row }: FoundFile, reason: string): Promise<void> {
  const to: FileState = row.state === 'suspect' ? 'corrupt' : 'suspect';
  await noteState(call, row, { to, reason: `read: ${reason}` });
}

async function noteMissing(call: Call, { row }: FoundFile): Promise<void> {
  if (row.state !== 'missing') {
    await noteState(call, row, { to: 'missing', reason: 'read: no content on its element' });
  }
}

async function noteGood(call: Call, { row }: FoundFile): Promise<void> {
  if (row.state === 'suspect' || row.state === 'missing') {
    await noteState(call, row, { to: 'stored', reason: 'read: whole, with its SHA-256' });
  }
}

async function noteState(
  { services, logger, requestId }: Call,
  row: FoundFile['row'],
  { to, reason }: { readonly to: FileState; readonly reason: string },
): Promise<void> {
  const facts = { request_id: requestId, file_id: row.fileId, from: row.state, to, reason };
  try {
    const isChanged = await services.ports.catalogue.changeState(row.fileId, row.state, to, reason);
    if (isChanged) logger.warn(facts, 'state of a file changed');
  } catch (error) {
    // The next reading finds it again; the caller's answer must not depend on it.
    logger.error({ ...facts, err: error }, 'state of a file could not be changed');
  }
}

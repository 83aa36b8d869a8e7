import type { Context } from 'koa';
import { attachmentHeader } from '#api/files/attachment-header.ts';
import { parseRanges, presentRange, type ByteRange } from '#api/files/byte-ranges.ts';
import { isNotModified, permitsRange, type Validators } from '#api/files/conditions.ts';
import { fileParams } from '#api/files/file-schemas.ts';
import { findFile, type FoundFile } from '#api/files/find-file.ts';
import { byteRangesForm } from '#api/files/multipart-byteranges.ts';
import { contentDigestHeader, filesPath } from '#api/files/present-file.ts';
import { openVerifiedContent } from '#api/files/verified-content.ts';
import { writeBody } from '#api/files/write-body.ts';
import { declareRoute, type Call } from '#api/route.ts';
import { DomainError } from '#domain/errors.ts';
import { instantToMillis } from '#domain/instant.ts';
import { requireModePermits } from '#domain/storage-mode/storage-mode.ts';
import { Type } from 'typebox';

export const getContent = declareRoute({
  method: 'GET',
  path: `${filesPath}/{file_id}/content`,
  name: 'getContent',
  summary: 'The bytes of a file, whole or in ranges',
  tag: 'files',
  policy: { action: 'files.read' },
  params: fileParams,
  paramsFault: 'FILE_NOT_FOUND',
  headers: Type.Object({
    range: Type.Optional(Type.String()),
    'if-range': Type.Optional(Type.String()),
    'if-match': Type.Optional(Type.String()),
    'if-none-match': Type.Optional(Type.String()),
  }),
  answers: {
    200: {
      description: 'The whole content; verified on the way, a broken connection means damage',
      content: { '*/*': Type.String({ format: 'binary' }) },
      headers: { ETag: 'SHA-256 of the content', 'Repr-Digest': 'The same (RFC 9530)' },
    },
    206: {
      description: 'One range, or several as multipart/byteranges',
      content: { '*/*': Type.String({ format: 'binary' }) },
      headers: { 'Content-Range': 'Of a single range' },
    },
    304: { description: 'Not modified' },
  },
  errors: [
    'FILE_NOT_FOUND',
    'FILE_DELETED',
    'CONTENT_MISSING',
    'CONTENT_CORRUPT',
    'MODE_FORBIDS_OPERATION',
    'PRECONDITION_FAILED',
    'RANGE_NOT_SATISFIABLE',
    'ELEMENT_UNAVAILABLE',
    'CATALOGUE_UNAVAILABLE',
  ],
  steps: [sendContent],
});

async function sendContent(call: Call<{ file_id: string }>): Promise<void> {
  const { context, params } = call;
  const file = await findFile(call, params.file_id);
  requireModePermits(file.row.elementMode, 'read');
  if (file.row.state === 'corrupt') {
    throw new DomainError('CONTENT_CORRUPT', 'Two readings found other bytes than were stored.');
  }
  const validators: Validators = {
    etag: `"${file.attributes.checksum}"`,
    lastModifiedMs: Math.floor(instantToMillis(file.attributes.created_at) / 1000) * 1000,
  };
  setHeaders(context, file, validators);
  if (isNotModified(context.req.headers, validators)) {
    context.status = 304;
    return;
  }
  const ranges = readRanges(context, file, validators);
  if (ranges === null) await sendWhole(call, file);
  else if (ranges.length === 1 && ranges[0] !== undefined) await sendRange(call, file, ranges[0]);
  else await sendRanges(call, file, ranges);
}

/** Whatever the bytes are, a browser must neither show nor run them. */
function setHeaders(context: Context, { attributes }: FoundFile, validators: Validators): void {
  context.set('ETag', validators.etag);
  if (validators.lastModifiedMs !== null) {
    context.set('Last-Modified', new Date(validators.lastModifiedMs).toUTCString());
  }
  context.set('Cache-Control', 'private, no-cache');
  context.set('Accept-Ranges', 'bytes');
  context.set('Repr-Digest', contentDigestHeader(attributes));
  context.set('Content-Disposition', attachmentHeader(attributes.original_filename));
  context.set('Content-Security-Policy', "default-src 'none'; sandbox");
}

/** Section 14.2: Range means something for GET only. */
function readRanges(context: Context, { attributes }: FoundFile, validators: Validators) {
  if (context.method !== 'GET') return null;
  const { range, 'if-range': ifRange } = context.req.headers;
  const condition = Array.isArray(ifRange) ? ifRange[0] : ifRange;
  return permitsRange(condition, validators) ? parseRanges(range, attributes.file_size) : null;
}

async function sendWhole(call: Call, file: FoundFile): Promise<void> {
  const { context } = call;
  const { attributes } = file;
  const head = {
    status: 200,
    contentType: attributes.content_type,
    sizeBytes: attributes.file_size,
  };
  if (context.method === 'HEAD') {
    setHead(context, head);
    return;
  }
  await using content = await openVerifiedContent(call, file);
  context.set('Content-Digest', contentDigestHeader(attributes));
  setHead(context, head);
  await writeBody(context, content);
}

async function sendRange(call: Call, file: FoundFile, range: ByteRange): Promise<void> {
  const { context } = call;
  const { attributes } = file;
  await using content = await openVerifiedContent(call, file, range);
  context.set('Content-Range', presentRange(range, attributes.file_size));
  setHead(context, {
    status: 206,
    contentType: attributes.content_type,
    sizeBytes: range.end - range.start + 1,
  });
  await writeBody(context, content);
}

async function sendRanges(
  call: Call,
  file: FoundFile,
  ranges: readonly ByteRange[],
): Promise<void> {
  const { context } = call;
  const { attributes } = file;
  const form = byteRangesForm(ranges, {
    contentType: attributes.content_type,
    sizeBytes: attributes.file_size,
  });
  const parts = form.write((range) => openVerifiedContent(call, file, range));
  setHead(context, { status: 206, contentType: form.contentType, sizeBytes: form.sizeBytes });
  await writeBody(context, parts);
}

function setHead(
  context: Context,
  head: { readonly status: number; readonly contentType: string; readonly sizeBytes: number },
): void {
  context.status = head.status;
  context.res.setHeader('Content-Type', head.contentType);
  context.res.setHeader('Content-Length', head.sizeBytes);
}

import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { requireWholeBody } from '#api/connections.ts';
import { mediaTypeOf, mediaTypeParameter } from '#api/media-type.ts';
import { readBody } from '#api/request-body.ts';
import { parseDeclaredDigests } from '#api/uploads/declared-digest.ts';
import type { FileDescription } from '#api/uploads/determine-upload.ts';
import { parseRequestFilename } from '#api/uploads/part-head.ts';
import { readMultipart, type Part } from '#api/uploads/read-multipart.ts';
import {
  createUploadFields,
  type FieldsSoFar,
  type UploadFields,
} from '#api/uploads/upload-fields.ts';
import type { RetentionPolicy } from '#domain/attributes/attributes-types.ts';
import type { RetentionChoice } from '#domain/attributes/user-fields.ts';
import { DomainError } from '#domain/errors.ts';
import { instantFromMillis } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { StagedContent } from '#domain/ports/object-store.ts';

/** Where content goes: into staging, or only through a hash when a retry is compared. */
export interface ContentSink {
  take(content: AsyncIterable<Uint8Array>): Promise<StagedContent>;
  settlePolicy(policy: RetentionPolicy): Promise<void>;
}

/** What is known of a file before its content is taken; fields may follow. */
export interface AnnouncedFile extends FieldsSoFar {
  readonly filename: string;
  readonly contentType: string;
  readonly retention: RetentionChoice | null;
}

/** What the caller of `receive…` checks before content is taken. */
export type PrecheckFile = (file: AnnouncedFile) => Promise<void>;

export interface ReceivedFile extends FileDescription {
  readonly content: StagedContent;
}

export interface BodySource {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** A raw body says everything about itself in its head. */
export interface RawFile extends FileDescription {
  readonly digests: readonly string[];
}

/** @throws REQUEST_INVALID, FEATURE_NOT_AVAILABLE, REQUEST_MALFORMED: all before the body is read. */
export function planRawFile(
  headers: IncomingMessage['headers'],
  query: Readonly<Record<string, string | readonly string[]>>,
): RawFile {
  const { filename: named, ...sent } = query;
  const fields = createUploadFields();
  for (const [name, value] of Object.entries(sent)) {
    for (const text of typeof value === 'string' ? [value] : value) fields.addText(name, text);
  }
  const filename =
    parseRequestFilename(headers['content-disposition']) ??
    (typeof named === 'string' ? named : null);
  if (filename === null) {
    throw missing('query/filename', 'name the file: Content-Disposition, or ?filename=');
  }
  return {
    filename,
    contentType: requireContentType(headers['content-type'], 'header/content-type'),
    fields: fields.check(now()),
    digests: parseDeclaredDigests(headers),
  };
}

export async function receiveRawFile(
  { req, res }: BodySource,
  file: RawFile,
  sink: ContentSink,
): Promise<ReceivedFile> {
  const content = await sink.take(readBody(req, res));
  requireWholeBody(req);
  requireDigests(file.digests, [content.checksum]);
  return { ...file, content };
}

interface FormState {
  readonly fields: UploadFields;
  readonly sink: ContentSink;
  readonly precheck: PrecheckFile;
  file: FormFile | null;
}

interface FormFile {
  readonly filename: string;
  readonly contentType: string;
  readonly digests: readonly string[];
  readonly content: StagedContent;
}

/**
 * A form with exactly one part `file`, and fields before or after it. What is wrong in fields
 * that came before the file is refused before the file is read.
 */
export async function receiveForm(
  { req, res }: BodySource,
  sink: ContentSink,
  precheck: PrecheckFile,
): Promise<ReceivedFile> {
  const boundary = mediaTypeParameter(req.headers['content-type'], 'boundary');
  if (boundary === null || !/^[\x20-\x7e]{0,69}[\x21-\x7e]$/.test(boundary)) {
    throw new DomainError('MULTIPART_MALFORMED', 'The Content-Type names no usable boundary.');
  }
  const bodyDigests = parseDeclaredDigests(req.headers);
  const hash = bodyDigests.length === 0 ? null : createHash('sha256');
  const form: FormState = { fields: createUploadFields(), sink, precheck, file: null };
  let parts = 0;
  for await (const part of readMultipart(tee(readBody(req, res), hash), boundary)) {
    parts += 1;
    if (parts > limits.multipartFields) throw tooManyParts();
    await takePart(form, part);
  }
  requireWholeBody(req);
  const { file, fields } = form;
  if (file === null) throw missing('/file', 'the form has no part "file"');
  const checked = fields.check(now());
  requireDigests(file.digests, [file.content.checksum]);
  if (hash !== null) requireDigests(bodyDigests, [file.content.checksum, hash.digest('hex')]);
  await sink.settlePolicy(checked.retention.policy);
  return { ...file, fields: checked };
}

async function takePart(form: FormState, part: Part): Promise<void> {
  const { fields } = form;
  if (part.name === 'file') {
    if (form.file !== null) throw missing('/file', 'the form has more than one part "file"');
    form.file = await takeFile(form, part);
    return;
  }
  if (part.filename !== null && part.name !== 'attributes') {
    throw missing(`/${part.name}`, 'a file may only come in the part "file"');
  }
  const text = await readText(part);
  if (part.name === 'attributes') fields.addDocument(text);
  else fields.addText(part.name, text);
}

async function takeFile({ fields, sink, precheck }: FormState, part: Part): Promise<FormFile> {
  const { filename } = part;
  if (filename === null) throw missing('/file', 'the part "file" has no filename');
  const contentType = requireContentType(part.contentType ?? undefined, '/file');
  const digests = parseDeclaredDigests(part.headers);
  const known = fields.checkSoFar();
  const policy = fields.sentPolicy;
  const retention = policy === null ? null : fields.check(now()).retention;
  await precheck({ filename, contentType, ...known, retention });
  if (policy !== null) await sink.settlePolicy(policy);
  const content = await sink.take(part.body);
  requirePartLength(part, content.sizeBytes);
  return { filename, contentType, digests, content };
}

/** A length in the head of a part means nothing to the parser, but it was declared. */
function requirePartLength(part: Part, sizeBytes: number): void {
  const declared = part.headers['content-length']?.[0];
  if (declared === undefined || Number(declared) === sizeBytes) return;
  throw new DomainError('BODY_INCOMPLETE', 'The part "file" does not have its declared length.', {
    details: { sizeBytes },
  });
}

async function readText(part: Part): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of part.body) {
    sizeBytes += chunk.length;
    if (sizeBytes > limits.multipartFieldBytes) throw fieldTooLarge(part.name);
    chunks.push(chunk);
  }
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(Buffer.concat(chunks, sizeBytes));
  } catch (cause) {
    throw new DomainError('REQUEST_MALFORMED', `The field ${part.name} is not UTF-8.`, { cause });
  }
}

async function* tee(source: AsyncIterable<Uint8Array>, hash: Hash | null) {
  for await (const chunk of source) {
    hash?.update(chunk);
    yield chunk;
  }
}

/** Every digest that was declared must be that of something that was received. */
function requireDigests(declared: readonly string[], received: readonly string[]): void {
  if (declared.every((digest) => received.includes(digest))) return;
  throw new DomainError('CHECKSUM_MISMATCH', 'The content does not have the declared SHA-256.');
}

/** Kept as it was sent, parameters included; content without a type is bytes. */
function requireContentType(header: string | undefined, pointer: string): string {
  if (header === undefined || header.trim() === '') return 'application/octet-stream';
  const text = header.trim();
  const type = mediaTypeOf(text);
  if (type === null || !/^[\x20-\x7e]{3,255}$/.test(text)) {
    throw missing(pointer, 'the content type is not a media type');
  }
  return `${type}${text.slice(text.split(';', 1)[0]?.length)}`;
}

function now() {
  return instantFromMillis(Date.now());
}

function missing(pointer: string, message: string): DomainError {
  return new DomainError('REQUEST_INVALID', 'The upload is not valid; see the list of faults.', {
    details: { faults: [{ pointer, message }] },
  });
}

function tooManyParts(): DomainError {
  return missing('', `the form has more than ${limits.multipartFields} parts`);
}

function fieldTooLarge(name: string): DomainError {
  return new DomainError('BODY_TOO_LARGE', `The field ${name} is too long.`, {
    details: {
      limitBytes: limits.multipartFieldBytes,
      faults: [{ pointer: `/${name}`, message: 'is too long' }],
    },
  });
}

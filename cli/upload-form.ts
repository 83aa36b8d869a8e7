import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { JsonObject } from '#domain/json.ts';
import { clientLimits } from './client-limits.ts';
import type { BodySource } from './http-client.ts';
import { readContent, type LocalContent } from './local-content.ts';

export interface UploadForm {
  readonly filename: string;
  readonly contentType: string;
  readonly content: LocalContent;
  /** The fields of the upload. */
  readonly fields: JsonObject;
}

export interface FormBody extends BodySource {
  readonly contentType: string;
}

/**
 * `multipart/form-data` of a known length. The fields go first: what is wrong with them is refused
 * before the content is sent. They are in the body and not in the address, which has less room.
 * @param onSent is told how many bytes of the content went out since it was last told; a body that
 *   is sent again takes back what it had told
 */
export function createFormBody(form: UploadForm, onSent: (sizeBytes: number) => void): FormBody {
  const boundary = `artstore-${randomBytes(16).toString('hex')}`;
  const head = Buffer.from(renderHead(form, boundary));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const { content } = form;
  let sentBytes = 0;

  async function* chunks(): AsyncGenerator<Uint8Array> {
    onSent(-sentBytes);
    sentBytes = 0;
    yield head;
    for await (const chunk of readContent(content)) {
      yield chunk;
      sentBytes += chunk.length;
      onSent(chunk.length);
    }
    yield tail;
  }

  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    sizeBytes: head.length + content.sizeBytes + tail.length,
    open: () =>
      Readable.from(chunks(), { objectMode: false, highWaterMark: clientLimits.readChunkBytes }),
  };
}

function renderHead({ filename, contentType, content, fields }: UploadForm, boundary: string) {
  const digest = Buffer.from(content.sha256).toString('base64');
  return [
    `--${boundary}`,
    'Content-Disposition: form-data; name="attributes"',
    'Content-Type: application/json',
    '',
    JSON.stringify(fields),
    `--${boundary}`,
    // Not filename=, in which quotes, percent signs and line ends mean something else.
    `Content-Disposition: form-data; name="file"; filename*=UTF-8''${encodeExtended(filename)}`,
    `Content-Type: ${contentType}`,
    `Repr-Digest: sha-256=:${digest}:`,
    '',
    '',
  ].join('\r\n');
}

/** RFC 8187: fewer characters stand for themselves than `encodeURIComponent` leaves. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

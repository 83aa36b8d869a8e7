import { mediaTypeOf } from '#api/media-type.ts';
import { readWholeBody } from '#api/request-body.ts';
import type { Call } from '#api/route.ts';
import { DomainError, isDomainError } from '#domain/errors.ts';
import type { JsonValue } from '#domain/json.ts';
import { parseStrictJsonBytes } from '#domain/strict-json.ts';

/** The same, where nothing at all means an object without members. */
export async function readOptionalJsonBody(
  call: Pick<Call, 'context'>,
  maxBytes: number,
): Promise<JsonValue> {
  const { headers } = call.context.req;
  // RFC 9112, section 6.3: a request with neither has no body.
  const isThere =
    headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  return isThere ? await readJsonBody(call, { maxBytes }) : {};
}

/**
 * A small body of JSON, parsed strictly: duplicate keys, a byte-order mark, what is not UTF-8 and
 * deep nesting are refused, numbers keep their digits.
 * @throws MEDIA_TYPE_UNSUPPORTED, BODY_TOO_LARGE, BODY_INCOMPLETE, SENDER_TOO_SLOW, REQUEST_MALFORMED
 */
export async function readJsonBody(
  { context: { req, res } }: Pick<Call, 'context'>,
  options: { readonly maxBytes: number; readonly mediaTypes?: readonly string[] },
): Promise<JsonValue> {
  const { maxBytes, mediaTypes = ['application/json'] } = options;
  const encoding = req.headers['content-encoding'] ?? 'identity';
  const isReadable = mediaTypes.includes(mediaTypeOf(req.headers['content-type']) ?? '');
  if (!isReadable || encoding.toLowerCase() !== 'identity') {
    const detail = `Send ${mediaTypes.join(' or ')} without a content coding.`;
    throw new DomainError('MEDIA_TYPE_UNSUPPORTED', detail);
  }
  const bytes = await readWholeBody(req, res, maxBytes);
  try {
    return parseStrictJsonBytes(bytes);
  } catch (cause) {
    if (!isDomainError(cause, 'ATTRIBUTES_MALFORMED')) throw cause;
    throw new DomainError('REQUEST_MALFORMED', `The body is not strict JSON. ${cause.message}`, {
      details: { faults: [{ pointer: '', message: cause.message }] },
      cause,
    });
  }
}

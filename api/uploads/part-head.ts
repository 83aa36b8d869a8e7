import { decodeExtended, parse } from 'content-disposition';
import { mediaTypeOf } from '#api/media-type.ts';
import { DomainError } from '#domain/errors.ts';

export interface PartHead {
  readonly name: string;
  /** Null for a part without a file name. */
  readonly filename: string | null;
  readonly contentType: string | null;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

/**
 * RFC 7578, section 4.2: every part has a form-data disposition with a name.
 * @throws MULTIPART_MALFORMED
 */
export function parsePartHeaders(headers: Readonly<Record<string, readonly string[]>>): PartHead {
  const dispositions = headers['content-disposition'] ?? [];
  const disposition = dispositions.length === 1 ? dispositions[0] : undefined;
  const { type, parameters } = parseDisposition(disposition ?? '');
  const name = parameters['name'];
  if (type !== 'form-data' || name === undefined || name === '') {
    throw new DomainError(
      'MULTIPART_MALFORMED',
      'Every part needs: Content-Disposition: form-data; name="…".',
    );
  }
  const contentType = headers['content-type']?.[0];
  return {
    name: unescapeQuotes(name),
    filename: filenameOf(parameters, { isForm: true }),
    contentType: contentType === undefined ? null : (mediaTypeOf(contentType) ?? contentType),
    headers,
  };
}

/** The file name that a raw body's `Content-Disposition` gives it; null without one. */
export function parseRequestFilename(header: string | undefined): string | null {
  if (header === undefined) return null;
  return filenameOf(parseDisposition(header).parameters, { isForm: false });
}

/** RFC 6266, section 4.3: `filename*` goes before `filename`. */
function filenameOf(
  parameters: Record<string, string | undefined>,
  { isForm }: { isForm: boolean },
): string | null {
  const extended = parameters['filename*'];
  const decoded = extended === undefined ? undefined : decodeExtended(extended);
  if (decoded !== undefined) return decoded;
  const plain = parameters['filename'];
  if (plain === undefined) return null;
  return isForm ? unescapeQuotes(plain) : plain;
}

/** Browsers send `"` as %22 in forms and nothing else escaped: `100%.pdf` stays what it is. */
function unescapeQuotes(text: string): string {
  return text.replaceAll(/%(22|0D|0A)/gi, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}

function parseDisposition(header: string) {
  // A backslash before anything but `"` and `\` is a path separator of an old browser, not an escape.
  const literal = toUnicode(header).replaceAll(/\\(?!["\\])/g, '\\\\');
  return parse(literal, { extended: false });
}

/** Headers arrive byte by byte as ISO 8859-1; what is UTF-8 is taken as UTF-8. */
function toUnicode(header: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\u007f]*$/.test(header)) return header;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

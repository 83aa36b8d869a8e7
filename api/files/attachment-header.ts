import { create } from 'content-disposition';

/**
 * `Content-Disposition` by RFC 6266 and 8187: always an attachment, with the exact name. What old
 * clients read wrongly (quotes, escapes, anything but ASCII) stands only in `filename*`; they get
 * a name in which it is replaced.
 */
export function attachmentHeader(filename: string): string {
  // A header cannot carry control characters, and half a surrogate pair is no character at all.
  // oxlint-disable-next-line no-control-regex
  const printable = filename.toWellFormed().replaceAll(/[\u0000-\u001f\u007f]/g, '_');
  const fallback = printable
    .replaceAll(/[^\u0020-\u007e]|["\\]/gu, '_')
    .replaceAll(/%(?=[0-9A-Fa-f]{2})/g, '_');
  return create(printable, { fallback });
}

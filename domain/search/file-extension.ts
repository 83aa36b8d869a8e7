import { limits } from '#domain/limits.ts';
import { byteLength, charLength } from '#domain/text-length.ts';

/**
 * The extension by which files are found: what follows the last dot, in lower case and without the
 * dot; empty when there is none. As in storage names, a leading dot begins no extension
 * (`.gitignore`), and what is too long for one belongs to the stem.
 */
export function fileExtension(originalFilename: string): string {
  const dot = originalFilename.lastIndexOf('.');
  if (dot <= 0) return '';
  const extension = originalFilename.slice(dot + 1).toLowerCase();
  const fits =
    charLength(extension) <= limits.extensionChars &&
    byteLength(extension) <= limits.extensionBytes;
  return fits ? extension : '';
}

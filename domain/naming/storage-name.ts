import { DomainError } from '#domain/errors.ts';
import type { Instant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { StorageLocation } from '#domain/ports/object-store.ts';
import { byteLength, charLength } from '#domain/text-length.ts';

/** A content object's full name plus this is the name of its sidecar. */
export const sidecarSuffix = '.attr.json';

/** A writer may add so many bytes to a sidecar's name while it is temporary (`.` … `.tmp`). */
export const temporaryAffixBytes = 16;

const cutMark = '...';
const nameOfTheNameless = 'file';
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const storageFilenameBytes =
  limits.fileSystemNameBytes - byteLength(sidecarSuffix) - temporaryAffixBytes;

export interface StorageNameRequest {
  /** As it was sent; only its base name counts. */
  readonly originalFilename: string;
  readonly username: string;
  /** The same instant as the file's `created_at`. */
  readonly createdAt: Instant;
  /** UUID. */
  readonly fileId: string;
}

/**
 * `{stem}_{username}_{YYYYMMDDTHHMMSS}_{file_id}{ext}` in `YYYY/MM/DD/HH/`. The name fits every
 * usual file system, with the sidecar's suffix and a temporary affix added; it is in NFC and has
 * neither separators nor control characters. Nobody parses it: facts come from the sidecar.
 * @returns with `originalFilename`, the base name that the sidecar keeps.
 * @throws DomainError `FILENAME_INVALID`, `REQUEST_MALFORMED` (too long), `USERNAME_INVALID`
 */
export function chooseStorageName(
  request: StorageNameRequest,
): StorageLocation & { readonly originalFilename: string } {
  const originalFilename = chooseOriginalFilename(request.originalFilename);
  const { stem, extension } = splitName(originalFilename);
  const username = chooseUsername(request.username);
  const seconds = request.createdAt.slice(0, 19).replaceAll(/[-:]/g, '');
  const tail = `_${username}_${seconds}_${request.fileId}${extension}`;
  const room = {
    chars: limits.storageFilenameChars - charLength(tail),
    bytes: storageFilenameBytes - byteLength(tail),
  };
  const fittingStem = fits(stem, room) ? stem : `${cut(stem, less(room, cutMark))}${cutMark}`;
  return {
    originalFilename,
    storagePath: choosePath(request.createdAt),
    storageFilename: `${fittingStem}${tail}`,
  };
}

/** Everything after the last `/` or `\`. */
export function baseName(original: string): string {
  return original.slice(Math.max(original.lastIndexOf('/'), original.lastIndexOf('\\')) + 1);
}

/**
 * The name that the sidecar keeps: the base name, unchanged.
 * @throws DomainError `FILENAME_INVALID` when nothing is left or it has a NUL;
 *   `REQUEST_MALFORMED` above `limits.originalFilenameChars`.
 */
export function chooseOriginalFilename(original: string): string {
  const name = baseName(original).toWellFormed();
  if (name === '') throw new DomainError('FILENAME_INVALID', 'The file has no name.');
  if (name.includes('\0')) throw new DomainError('FILENAME_INVALID', 'The file name has a NUL.');
  if (charLength(name) > limits.originalFilenameChars) {
    const message = `The file name is longer than ${limits.originalFilenameChars} characters.`;
    throw new DomainError('REQUEST_MALFORMED', message, {
      details: { faults: [{ pointer: '/filename', message }] },
    });
  }
  return name;
}

function choosePath(createdAt: Instant): string {
  return `${createdAt.slice(0, 13).replaceAll(/[-T]/g, '/')}/`;
}

/** Both parts cleaned; the extension with its dot, or empty. */
function splitName(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.');
  // A leading dot is not an extension (`.gitignore`).
  const extension = dot > 0 ? clean(name.slice(dot + 1)) : '';
  const isExtension =
    extension !== '' &&
    fits(extension, { chars: limits.extensionChars, bytes: limits.extensionBytes });
  const stem = clean(isExtension ? name.slice(0, dot) : name);
  return {
    stem: stem === '' ? nameOfTheNameless : stem,
    extension: isExtension ? `.${extension}` : '',
  };
}

function chooseUsername(username: string): string {
  const whole = username.trim() === '' ? '' : clean(username);
  const name = clean(
    cut(whole, { chars: limits.usernameInNameChars, bytes: limits.usernameInNameBytes }),
  );
  if (name !== '') return name;
  throw new DomainError('USERNAME_INVALID', 'Nothing of this name can stand in a storage name.');
}

/** Idempotent. */
function clean(part: string): string {
  return (
    part
      .toWellFormed()
      .normalize('NFC')
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/[<>:"/\\|?*\u0000-\u001f\u007f]/g, '_')
      .replaceAll(/_+/g, '_')
      .replace(/^[_ ]+/, '')
      .replace(/[_ .]+$/, '')
  );
}

interface Room {
  readonly chars: number;
  readonly bytes: number;
}

/** The longest start that fits and does not split what a reader sees as one character. */
function cut(text: string, room: Room): string {
  if (fits(text, room)) return text;
  const start = cutAfterParts(text, segments(text), room);
  // One grapheme may be longer than the whole room: then code points must do.
  return start === '' ? cutAfterParts(text, text, room) : start;
}

function cutAfterParts(text: string, parts: Iterable<string>, room: Room): string {
  let rest = room;
  let length = 0;
  for (const part of parts) {
    if (!fits(part, rest)) break;
    rest = less(rest, part);
    length += part.length;
  }
  return text.slice(0, length);
}

function* segments(text: string): Iterable<string> {
  for (const { segment } of graphemes.segment(text)) yield segment;
}

function fits(text: string, room: Room): boolean {
  return charLength(text) <= room.chars && byteLength(text) <= room.bytes;
}

function less(room: Room, text: string): Room {
  return { chars: room.chars - charLength(text), bytes: room.bytes - byteLength(text) };
}

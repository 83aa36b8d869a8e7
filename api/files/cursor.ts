import { createHmac, timingSafeEqual } from 'node:crypto';
import { DomainError } from '#domain/errors.ts';
import { parseFileId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { FileListQuery, FilePosition } from '#domain/ports/file-catalogue.ts';

const tagBytes = 16;

/** What a cursor belongs to: another filter or order has other positions. */
export type CursorScope = Pick<FileListQuery, 'filters' | 'sort' | 'order'>;

export interface CursorCodec {
  encodeCursor(position: FilePosition, scope: CursorScope): string;
  /** @throws CURSOR_INVALID */
  decodeCursor(cursor: string, scope: CursorScope): FilePosition;
  /** For lists of anything: the parts of a position, bound to list and filters by `scope`. */
  sealPosition(parts: readonly string[], scope: object): string;
  /** @throws CURSOR_INVALID */
  openPosition(cursor: string, scope: object): readonly string[];
}

/** Opaque to callers: a position, with an HMAC over it and over the list it belongs to. */
export function createCursorCodec(key: Uint8Array): CursorCodec {
  function tagOf(payload: Uint8Array, scope: object): Buffer {
    return createHmac('sha256', key)
      .update(JSON.stringify(scope))
      .update('\n')
      .update(payload)
      .digest()
      .subarray(0, tagBytes);
  }

  function sealPosition(parts: readonly string[], scope: object): string {
    const payload = Buffer.from(JSON.stringify(parts));
    return Buffer.concat([tagOf(payload, scope), payload]).toString('base64url');
  }

  function openPosition(cursor: string, scope: object): readonly string[] {
    if (cursor.length > limits.cursorChars) throw invalidCursor();
    const bytes = Buffer.from(cursor, 'base64url');
    const tag = bytes.subarray(0, tagBytes);
    const payload = bytes.subarray(tagBytes);
    if (tag.length !== tagBytes || !timingSafeEqual(tag, tagOf(payload, scope))) {
      throw invalidCursor();
    }
    return JSON.parse(payload.toString()) as string[];
  }

  return {
    sealPosition,
    openPosition,
    encodeCursor: ({ value, fileId }, scope) => sealPosition([value, fileId], listOf(scope)),
    decodeCursor(cursor, scope) {
      const [value = '', id = ''] = openPosition(cursor, listOf(scope));
      const fileId = parseFileId(id);
      if (fileId === null) throw invalidCursor();
      return { value, fileId };
    },
  };
}

/** The order in which filters were sent means nothing. */
function listOf({ sort, order, filters }: CursorScope): readonly unknown[] {
  return [sort, order, Object.entries(filters).sort(([a], [b]) => (a < b ? -1 : 1))];
}

export function invalidCursor(): DomainError {
  return new DomainError(
    'CURSOR_INVALID',
    'The cursor is not one of ours, or belongs to other filters or another order.',
  );
}

import { createHmac, timingSafeEqual } from 'node:crypto';
import { DomainError } from '#domain/errors.ts';
import { parseFileId } from '#domain/ids.ts';
import type { FileListQuery, FilePosition } from '#domain/ports/file-catalogue.ts';

const tagBytes = 16;

/** What a cursor belongs to: another filter or order has other positions. */
export type CursorScope = Pick<FileListQuery, 'filters' | 'sort' | 'order'>;

export interface CursorCodec {
  encodeCursor(position: FilePosition, scope: CursorScope): string;
  /** @throws CURSOR_INVALID */
  decodeCursor(cursor: string, scope: CursorScope): FilePosition;
}

/** Opaque to callers: a position, with an HMAC over it and over the list it belongs to. */
export function createCursorCodec(key: Uint8Array): CursorCodec {
  function tagOf(payload: Uint8Array, scope: CursorScope): Buffer {
    const filters = Object.entries(scope.filters).sort(([a], [b]) => (a < b ? -1 : 1));
    return createHmac('sha256', key)
      .update(JSON.stringify([scope.sort, scope.order, filters]))
      .update('\n')
      .update(payload)
      .digest()
      .subarray(0, tagBytes);
  }

  return {
    encodeCursor({ value, fileId }, scope) {
      const payload = Buffer.from(JSON.stringify([value, fileId]));
      return Buffer.concat([tagOf(payload, scope), payload]).toString('base64url');
    },
    decodeCursor(cursor, scope) {
      const bytes = Buffer.from(cursor, 'base64url');
      const tag = bytes.subarray(0, tagBytes);
      const payload = bytes.subarray(tagBytes);
      if (tag.length !== tagBytes || !timingSafeEqual(tag, tagOf(payload, scope))) {
        throw invalidCursor();
      }
      const [value, id] = JSON.parse(payload.toString()) as [string, string];
      const fileId = parseFileId(id);
      if (fileId === null) throw invalidCursor();
      return { value, fileId };
    },
  };
}

function invalidCursor(): DomainError {
  return new DomainError(
    'CURSOR_INVALID',
    'The cursor is not one of ours, or belongs to other filters or another order.',
  );
}

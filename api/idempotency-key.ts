import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

const wellFormed = new RegExp(
  `^[\\x21-\\x7e](?:[\\x20-\\x7e]{0,${limits.idempotencyKeyChars - 2}}[\\x21-\\x7e])?$`,
);

/** @returns null when none was sent. @throws IDEMPOTENCY_KEY_INVALID */
export function parseIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (wellFormed.test(header)) return header;
  throw new DomainError(
    'IDEMPOTENCY_KEY_INVALID',
    `The Idempotency-Key must be 1 to ${limits.idempotencyKeyChars} printable ASCII characters.`,
    { details: { faults: [{ pointer: 'header/idempotency-key', message: 'is malformed' }] } },
  );
}

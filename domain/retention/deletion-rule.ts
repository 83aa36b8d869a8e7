import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { DomainError } from '#domain/errors.ts';
import { compareInstants, parseInstant, type Instant } from '#domain/instant.ts';

/**
 * Whether retention lets a file go; the mode of its element is asked elsewhere. The same for
 * administrators, expiry and collection.
 * @param now the instant at which the deletion was asked for
 * @throws DomainError `RETENTION_FORBIDS_DELETION`
 */
export function requireRetentionPermitsDeletion(attributes: Attributes, now: Instant): void {
  const { retention, isRetentionReadable } = extensionsOf(attributes);
  // What cannot be read locks, never opens.
  if (!isRetentionReadable) throw forbidden('Its retention record cannot be read.');
  // A sidecar without retention is locked against expiry, not against a deletion that is asked for.
  if (retention === null) return;
  const holdCount = retention.legal_holds?.length ?? 0;
  if (holdCount > 0) {
    throw forbidden(holdCount === 1 ? 'A legal hold stands.' : `${holdCount} legal holds stand.`);
  }
  const retainUntil = parseInstant(retention.retain_until ?? '');
  if (retainUntil !== null && compareInstants(retainUntil, now) > 0) {
    throw forbidden(`It is to be kept until ${retainUntil}.`);
  }
}

function forbidden(reason: string): DomainError {
  return new DomainError('RETENTION_FORBIDS_DELETION', `The file may not be deleted. ${reason}`);
}

import type { AttributesCodec, EncodedSidecar } from '#domain/attributes/attributes-codec.ts';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import type { PatchOutcome } from '#domain/attributes/patch-attributes.ts';
import { limits } from '#domain/limits.ts';

/**
 * The sidecar after a patch, to the byte. `limits.sidecarReserveBytes` stay free for what protects
 * a file: only the protection itself may take them, and does not count against the rest.
 * @throws DomainError `ATTRIBUTES_TOO_LARGE` (with size and limit), `ATTRIBUTES_INVALID`
 */
export function encodePatchedSidecar(
  codec: Pick<AttributesCodec, 'encodeSidecar'>,
  { attributes, isOfRetentionOnly }: Extract<PatchOutcome, { kind: 'changed' }>,
): EncodedSidecar {
  if (!isOfRetentionOnly) {
    codec.encodeSidecar(withoutProtection(attributes), {
      reserveBytes: limits.sidecarReserveBytes,
    });
  }
  return codec.encodeSidecar(attributes);
}

function withoutProtection(attributes: Attributes): Attributes {
  const { retention } = extensionsOf(attributes);
  if (retention === null) return attributes;
  const { retain_until: _, legal_holds: __, ...rest } = retention;
  return { ...attributes, retention: rest };
}

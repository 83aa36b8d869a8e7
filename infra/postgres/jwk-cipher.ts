import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DomainError } from '#domain/errors.ts';

/** First byte of what is stored: the form of the rest. */
const formatAesGcm = 1;
const nonceBytes = 12;
const tagBytes = 16;
const masterKeyBytes = 32;

/** AES-256-GCM; the key id is additional data, so that no ciphertext can stand in another row. */
export interface JwkCipher {
  encryptJwk(keyId: string, jwk: Readonly<Record<string, unknown>>): Buffer;
  /** @throws DomainError `INTERNAL` when the master key is another one or the row was changed. */
  decryptJwk(keyId: string, stored: Uint8Array): Record<string, unknown>;
}

export function createJwkCipher(masterKey: Uint8Array): JwkCipher {
  if (masterKey.length !== masterKeyBytes) {
    throw new RangeError(`the master key must have ${masterKeyBytes} bytes`);
  }
  return {
    encryptJwk(keyId, jwk) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(Buffer.from(keyId));
      const encrypted = [cipher.update(JSON.stringify(jwk), 'utf8'), cipher.final()];
      return Buffer.concat([Buffer.of(formatAesGcm), nonce, ...encrypted, cipher.getAuthTag()]);
    },
    decryptJwk(keyId, stored) {
      try {
        if (stored[0] !== formatAesGcm) throw new RangeError('unknown form of encryption');
        const nonce = stored.subarray(1, 1 + nonceBytes);
        const decipher = createDecipheriv('aes-256-gcm', masterKey, nonce, {
          authTagLength: tagBytes,
        });
        decipher.setAAD(Buffer.from(keyId)).setAuthTag(stored.subarray(-tagBytes));
        const text = Buffer.concat([
          decipher.update(stored.subarray(1 + nonceBytes, -tagBytes)),
          decipher.final(),
        ]);
        return JSON.parse(text.toString('utf8')) as Record<string, unknown>;
      } catch (cause) {
        throw new DomainError(
          'INTERNAL',
          'A signing key cannot be decrypted: the master key is not the one that encrypted it.',
          { cause },
        );
      }
    },
  };
}

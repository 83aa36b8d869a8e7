import { hash, verify } from '@node-rs/argon2';
import type { SecretHasher } from '#domain/ports/identity.ts';

/** Argon2id is the package's default algorithm: 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export function createArgon2SecretHasher(): SecretHasher {
  return {
    hashSecret: (secret) => hash(secret, cost),
    async verifySecret(secret, hashed) {
      // Every kind but ours is refused before the native code would throw.
      if (!hashed.startsWith('$argon2id$')) return false;
      try {
        return await verify(hashed, secret);
      } catch {
        // Only a damaged PHC string makes it throw: no secret fits that.
        return false;
      }
    },
  };
}

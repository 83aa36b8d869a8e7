import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import type { SigningKey, SigningKeyStore } from '#domain/ports/identity.ts';
import { instantFromMillis } from '#domain/instant.ts';

/** Keys are read again when they are older than this, and at once for an unknown key id. */
const freshMs = 60_000;
/** A stranger can make up key ids: they lead to the store at most this often. */
const unknownKeyPauseMs = 5_000;

interface LoadedKeys {
  readonly active: { readonly keyId: string; readonly privateKey: CryptoKey };
  readonly publicKeys: ReadonlyMap<string, CryptoKey>;
  readonly jwks: { readonly keys: readonly JWK[] };
  readonly loadedAtMs: number;
}

export interface TokenKeys {
  /** Makes the first key when there is none. @throws CATALOGUE_UNAVAILABLE */
  load(): Promise<void>;
  signingKey(): Promise<LoadedKeys['active']>;
  /** Null for a key that is not ours. */
  findPublicKey(keyId: string): Promise<CryptoKey | null>;
  jwks(): Promise<LoadedKeys['jwks']>;
}

export function createTokenKeys(store: SigningKeyStore): TokenKeys {
  let loaded: LoadedKeys | null = null;
  let loading: Promise<LoadedKeys> | null = null;

  function reload(): Promise<LoadedKeys> {
    loading ??= loadKeys(store)
      .then((keys) => (loaded = keys))
      .finally(() => {
        loading = null;
      });
    return loading;
  }

  /** Old keys serve on while the store does not answer: reads must not depend on it for tokens. */
  async function current(): Promise<LoadedKeys> {
    if (loaded === null) return reload();
    if (Date.now() - loaded.loadedAtMs < freshMs) return loaded;
    try {
      return await reload();
    } catch {
      return loaded;
    }
  }

  return {
    load: async () => {
      await reload();
    },
    signingKey: async () => (await current()).active,
    jwks: async () => (await current()).jwks,
    async findPublicKey(keyId) {
      const keys = await current();
      const known = keys.publicKeys.get(keyId);
      if (known !== undefined || Date.now() - keys.loadedAtMs < unknownKeyPauseMs) {
        return known ?? null;
      }
      return (await reload()).publicKeys.get(keyId) ?? null;
    },
  };
}

async function loadKeys(store: SigningKeyStore): Promise<LoadedKeys> {
  const active = await store.ensureActiveKey(generateSigningKey);
  const keys = await store.listKeys();
  const publicKeys = new Map<string, CryptoKey>();
  for (const key of [active, ...keys]) {
    publicKeys.set(key.keyId, await importKey(key.publicJwk));
  }
  return {
    active: { keyId: active.keyId, privateKey: await importKey(active.privateJwk) },
    publicKeys,
    jwks: { keys: keys.map(({ publicJwk }) => publicJwk as JWK) },
    loadedAtMs: Date.now(),
  };
}

async function importKey(jwk: SigningKey['publicJwk']): Promise<CryptoKey> {
  const key = await importJWK(jwk as JWK, 'RS256');
  if (key instanceof Uint8Array) throw new TypeError('a signing key is not a symmetric one');
  return key;
}

async function generateSigningKey(): Promise<Omit<SigningKey, 'state'>> {
  const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const keyId = randomUUID();
  const header = { kid: keyId, use: 'sig', alg: 'RS256' };
  return {
    keyId,
    algorithm: 'RS256',
    publicJwk: { ...(await exportJWK(pair.publicKey)), ...header },
    privateJwk: { ...(await exportJWK(pair.privateKey)), ...header },
    createdAt: instantFromMillis(Date.now()),
  };
}

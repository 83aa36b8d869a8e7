import type { ServiceAccount } from '#domain/accounts.ts';
import type { AccountId } from '#domain/ids.ts';
import type { Instant } from '#domain/instant.ts';

export interface AccountRegistry {
  findByClientId(clientId: string): Promise<ServiceAccount | null>;
  findAccount(accountId: AccountId): Promise<ServiceAccount | null>;
  /** Makes the account unless a living one has that `clientId` already. @returns true when it was made. */
  createAccount(account: ServiceAccount): Promise<boolean>;
  countAccounts(): Promise<number>;
}

/** A key pair for tokens; `privateJwk` is encrypted with the master key where it is stored. */
export interface SigningKey {
  readonly keyId: string;
  readonly algorithm: 'RS256';
  readonly publicJwk: Readonly<Record<string, unknown>>;
  readonly privateJwk: Readonly<Record<string, unknown>>;
  readonly state: 'active' | 'verifying';
  readonly createdAt: Instant;
}

export interface SigningKeyStore {
  /** All keys that may verify, the active one first. */
  listKeys(): Promise<readonly SigningKey[]>;
  /**
   * Stores a first active key, made by `generate`, unless there is one: several instances that
   * start at once end up with one key.
   */
  ensureActiveKey(generate: () => Promise<Omit<SigningKey, 'state'>>): Promise<SigningKey>;
}

export interface SecretHasher {
  /** Argon2id, PHC string. */
  hashSecret(secret: string): Promise<string>;
  /** In constant time for any two secrets. False for a hash of an unknown kind. */
  verifySecret(secret: string, hash: string): Promise<boolean>;
}

import type { InferEntity, MikroORM } from '@mikro-orm/postgresql';
import { DomainError } from '#domain/errors.ts';
import { instantFromMillis, instantToMillis } from '#domain/instant.ts';
import type { SigningKey, SigningKeyStore } from '#domain/ports/identity.ts';
import { SigningKeyRow } from './entities.ts';
import { createJwkCipher } from './jwk-cipher.ts';
import type { JwkCipher } from './jwk-cipher.ts';
import { withOrmErrors } from './orm-errors.ts';

export class PostgresSigningKeyStore implements SigningKeyStore {
  readonly #orm: MikroORM;
  readonly #cipher: JwkCipher;

  /** @param masterKey 32 bytes */
  constructor(orm: MikroORM, masterKey: Uint8Array) {
    this.#orm = orm;
    this.#cipher = createJwkCipher(masterKey);
  }

  async listKeys(): Promise<readonly SigningKey[]> {
    return await withOrmErrors(async () => {
      const rows = await this.#orm.em
        .fork()
        // 'active' stands before 'verifying'.
        .findAll(SigningKeyRow, { orderBy: { state: 'asc', createdAt: 'desc', keyId: 'asc' } });
      return rows.map((row) => this.#keyOfRow(row));
    });
  }

  async ensureActiveKey(generate: () => Promise<Omit<SigningKey, 'state'>>): Promise<SigningKey> {
    const standing = await this.#findActive();
    if (standing !== null) return standing;
    await this.#insertActive(await generate());
    const active = await this.#findActive();
    if (active === null) throw new DomainError('INTERNAL', 'There is no active signing key.');
    return active;
  }

  async #findActive(): Promise<SigningKey | null> {
    const row = await withOrmErrors(() =>
      this.#orm.em.fork().findOne(SigningKeyRow, { state: 'active' }),
    );
    return row === null ? null : this.#keyOfRow(row);
  }

  /** Does nothing when another process was first: the index allows one active key. */
  async #insertActive(key: Omit<SigningKey, 'state'>): Promise<void> {
    await withOrmErrors(() =>
      this.#orm.em
        .fork()
        .createQueryBuilder(SigningKeyRow)
        .insert({
          keyId: key.keyId,
          algorithm: key.algorithm,
          publicJwk: { ...key.publicJwk },
          privateJwkEncrypted: this.#cipher.encryptJwk(key.keyId, key.privateJwk),
          state: 'active',
          createdAt: new Date(instantToMillis(key.createdAt)),
        })
        .onConflict()
        .ignore()
        .execute('run'),
    );
  }

  #keyOfRow(row: InferEntity<typeof SigningKeyRow>): SigningKey {
    return {
      keyId: row.keyId,
      algorithm: 'RS256',
      publicJwk: row.publicJwk,
      privateJwk: this.#cipher.decryptJwk(row.keyId, row.privateJwkEncrypted),
      state: row.state as SigningKey['state'],
      createdAt: instantFromMillis(row.createdAt.getTime()),
    };
  }
}

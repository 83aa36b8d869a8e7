import type { InferEntity, MikroORM } from '@mikro-orm/postgresql';
import { isRole, isScope } from '#domain/access/access.ts';
import type { ServiceAccount } from '#domain/accounts.ts';
import { DomainError } from '#domain/errors.ts';
import type { AccountId } from '#domain/ids.ts';
import type { AccountRegistry } from '#domain/ports/identity.ts';
import { ServiceAccountRow } from './entities.ts';
import { withOrmErrors } from './orm-errors.ts';

const isLiving = { status: { $ne: 'deleted' } };

export class PostgresAccountRegistry implements AccountRegistry {
  readonly #orm: MikroORM;

  constructor(orm: MikroORM) {
    this.#orm = orm;
  }

  async findByClientId(clientId: string): Promise<ServiceAccount | null> {
    return await this.#findOne({ clientId, ...isLiving });
  }

  async findAccount(accountId: AccountId): Promise<ServiceAccount | null> {
    return await this.#findOne({ accountId });
  }

  async createAccount(account: ServiceAccount): Promise<boolean> {
    const { scopes, ...columns } = account;
    return await withOrmErrors(async () => {
      // The unique index decides between processes that start at the same time.
      const query = this.#orm.em
        .fork()
        .createQueryBuilder(ServiceAccountRow)
        .insert({ ...columns, scopes: scopes === null ? null : [...scopes] })
        .onConflict()
        .ignore();
      const result = await query.execute('run');
      return result.affectedRows > 0;
    });
  }

  async countAccounts(): Promise<number> {
    return await withOrmErrors(() => this.#orm.em.fork().count(ServiceAccountRow, isLiving));
  }

  async #findOne(where: object): Promise<ServiceAccount | null> {
    // No text of the database holds U+0000.
    if (Object.values(where).some((value) => String(value).includes('\u0000'))) return null;
    return await withOrmErrors(async () => {
      const row = await this.#orm.em.fork().findOne(ServiceAccountRow, where);
      return row === null ? null : accountOfRow(row);
    });
  }
}

/** Unknown means refuse: an account with a role or scope of a later version is not let in. */
function accountOfRow(row: InferEntity<typeof ServiceAccountRow>): ServiceAccount {
  const scopes = row.scopes?.map((scope) => (isScope(scope) ? scope : unknown('scope'))) ?? null;
  return {
    accountId: row.accountId as AccountId,
    name: row.name,
    clientId: row.clientId,
    role: isRole(row.role) ? row.role : unknown('role'),
    scopes,
    secretHash: row.secretHash,
    status: row.status as ServiceAccount['status'],
    isSystem: row.isSystem,
  };
}

function unknown(what: string): never {
  throw new DomainError('FORBIDDEN', `The account has a ${what} that is not known here.`);
}

import type { AccountId } from '#domain/ids.ts';
import type { Role, Scope } from '#domain/access/access.ts';

export interface ServiceAccount {
  readonly accountId: AccountId;
  readonly name: string;
  readonly clientId: string;
  readonly role: Role;
  /** Null: everything the role may. */
  readonly scopes: readonly Scope[] | null;
  /** Argon2id, PHC string. */
  readonly secretHash: string;
  readonly status: 'active' | 'suspended' | 'expired' | 'deleted';
  readonly isSystem: boolean;
}

import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { AccountId } from '#domain/ids.ts';
import type { AccountRegistry, SecretHasher } from '#domain/ports/identity.ts';
import { writeFileAtomically } from './atomic-file.ts';

export interface InitialAccountOptions {
  readonly dataDirectory: string;
  readonly accounts: AccountRegistry;
  readonly hasher: SecretHasher;
  /** From the settings; null: generated. */
  readonly clientId: string | null;
  readonly clientSecret: string | null;
}

export function credentialsFile(dataDirectory: string): string {
  return join(dataDirectory, 'credentials.json');
}

/**
 * A database without accounts gets one administrator. Its file is written first: a kill in between
 * leaves a file that the next start writes again, never an account that nobody can use.
 * @returns whether it was made now.
 */
export async function ensureInitialAccount(options: InitialAccountOptions): Promise<boolean> {
  const { accounts, hasher, dataDirectory } = options;
  if ((await accounts.countAccounts()) > 0) return false;
  const clientId = options.clientId ?? `sa_prod_initial_${randomBytes(4).toString('hex')}`;
  const secret = options.clientSecret ?? randomBytes(32).toString('base64url');
  writeFileAtomically(
    credentialsFile(dataDirectory),
    `${JSON.stringify({ client_id: clientId, client_secret: secret }, null, 2)}\n`,
    0o600,
  );
  return accounts.createAccount({
    accountId: randomUUID() as string as AccountId,
    name: 'initial',
    clientId,
    role: 'ADMIN',
    scopes: null,
    secretHash: await hasher.hashSecret(secret),
    status: 'active',
    isSystem: true,
  });
}

import { randomBytes } from 'node:crypto';
import type { AccessTokens } from '#api/auth/access-tokens.ts';
import type { TokenRequest } from '#api/auth/client-credentials.ts';
import { OauthError } from '#api/auth/oauth-errors.ts';
import { grantScopes, isScope, type Scope } from '#domain/access/access.ts';
import type { ServiceAccount } from '#domain/accounts.ts';
import type { AccountRegistry, SecretHasher } from '#domain/ports/identity.ts';
import { limits } from '#domain/limits.ts';

export interface IssuedToken {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
}

export interface TokenIssuer {
  /** @throws OauthError */
  issueForClient(request: TokenRequest): Promise<IssuedToken>;
}

/** RFC 6749, section 4.4. */
export function createTokenIssuer(
  accounts: AccountRegistry,
  secrets: SecretHasher,
  tokens: AccessTokens,
): TokenIssuer {
  let decoy: Promise<string> | null = null;

  /** An unknown client costs as much time as a known one, so that nobody can tell them apart. */
  async function authenticateClient(request: TokenRequest): Promise<ServiceAccount> {
    const { clientId, clientSecret } = request;
    if (clientId === undefined || clientSecret === undefined) {
      throw new OauthError('invalid_client', 'The client did not authenticate.');
    }
    const account = await accounts.findByClientId(clientId);
    decoy ??= secrets.hashSecret(randomBytes(32).toString('base64url'));
    const isRight = await secrets.verifySecret(clientSecret, account?.secretHash ?? (await decoy));
    if (account === null || !isRight || account.status !== 'active') {
      throw new OauthError('invalid_client', 'The client is unknown or its secret is wrong.');
    }
    return account;
  }

  return {
    async issueForClient(request) {
      if (request.grantType === undefined) {
        throw new OauthError('invalid_request', 'grant_type is missing.');
      }
      if (request.grantType !== 'client_credentials') {
        throw new OauthError('unsupported_grant_type', 'Only client_credentials is possible.');
      }
      const account = await authenticateClient(request);
      const granted = grantScopes(account.role, account.scopes, parseScopes(request.scope));
      if (granted === null) {
        throw new OauthError('invalid_scope', 'The account may not have all of these scopes.');
      }
      const { accountId, clientId, name, role } = account;
      const token = await tokens.issueToken({ accountId, clientId, name, role, scopes: granted });
      return {
        access_token: token,
        token_type: 'Bearer',
        expires_in: limits.tokenLifeSeconds,
        scope: granted.join(' '),
      };
    },
  };
}

function parseScopes(text: string | undefined): readonly Scope[] | null {
  if (text === undefined) return null;
  const parts = text.split(' ').filter((part) => part !== '');
  if (!parts.every((part) => isScope(part))) {
    throw new OauthError('invalid_scope', 'There is no such scope.');
  }
  return parts;
}

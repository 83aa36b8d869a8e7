import { randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import type { TokenKeys } from '#api/auth/token-keys.ts';
import { isRole, isScope, type Caller, type Role, type Scope } from '#domain/access/access.ts';
import { DomainError } from '#domain/errors.ts';
import { isUuid, type AccountId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';

export interface TokenGrant {
  readonly accountId: AccountId;
  readonly clientId: string;
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly Scope[];
}

export interface AccessTokens {
  readonly issuer: string;
  issueToken(grant: TokenGrant): Promise<string>;
  /** @throws UNAUTHENTICATED */
  verifyToken(token: string): Promise<Caller> | Caller;
}

interface VerifiedToken {
  readonly caller: Caller;
  readonly expiresAtMs: number;
}

/** Access tokens by RFC 9068: RS256 only, and only our own. */
export function createAccessTokens(keys: TokenKeys, issuer: () => string): AccessTokens {
  const audience = () => `${issuer()}/api/v1`;
  const verified = new Map<string, VerifiedToken>();

  function remember(token: string, entry: VerifiedToken): void {
    if (verified.size >= limits.tokenCacheEntries) {
      const [oldest] = verified.keys();
      if (oldest !== undefined) verified.delete(oldest);
    }
    verified.set(token, entry);
  }

  return {
    get issuer() {
      return issuer();
    },
    async issueToken(grant) {
      const { keyId, privateKey } = await keys.signingKey();
      const issuedAt = Math.floor(Date.now() / 1000);
      return new SignJWT({
        client_id: grant.clientId,
        name: grant.name,
        role: grant.role,
        scope: grant.scopes.join(' '),
      })
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: keyId })
        .setIssuer(issuer())
        .setAudience(audience())
        .setSubject(grant.accountId)
        .setJti(randomUUID())
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(issuedAt + limits.tokenLifeSeconds)
        .sign(privateKey);
    },
    verifyToken(token) {
      const known = verified.get(token);
      if (known !== undefined && known.expiresAtMs > Date.now()) return known.caller;
      verified.delete(token);
      return verifyAnew(token, { keys, issuer: issuer(), audience: audience() }).then((entry) => {
        remember(token, entry);
        return entry.caller;
      });
    },
  };
}

async function verifyAnew(
  token: string,
  { keys, issuer, audience }: { keys: TokenKeys; issuer: string; audience: string },
): Promise<VerifiedToken> {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const key = kid === undefined ? null : await keys.findPublicKey(kid);
        if (key === null) throw new errors.JWKSNoMatchingKey();
        return key;
      },
      {
        algorithms: ['RS256'],
        typ: 'at+jwt',
        issuer,
        audience,
        clockTolerance: limits.tokenLeewaySeconds,
        requiredClaims: ['exp', 'iat', 'nbf', 'sub', 'jti', 'client_id', 'role', 'scope'],
      },
    );
    return {
      caller: readCaller(payload),
      expiresAtMs: ((payload.exp ?? 0) + limits.tokenLeewaySeconds) * 1000,
    };
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    if (!(cause instanceof errors.JOSEError)) throw cause;
    throw invalidToken(cause);
  }
}

/** Unknown roles and scopes are refused, never ignored. */
function readCaller(payload: JWTPayload): Caller {
  const { sub, client_id: clientId, name, role, scope } = payload;
  const scopes = typeof scope === 'string' ? scope.split(' ').filter((part) => part !== '') : null;
  if (
    typeof sub !== 'string' ||
    !isUuid(sub) ||
    typeof clientId !== 'string' ||
    typeof name !== 'string' ||
    typeof role !== 'string' ||
    !isRole(role) ||
    scopes === null ||
    !scopes.every((part) => isScope(part))
  ) {
    throw invalidToken(new errors.JWTInvalid('a claim does not have its shape'));
  }
  return { accountId: sub as AccountId, clientId, name, role, scopes };
}

function invalidToken(cause: unknown): DomainError {
  return new DomainError('UNAUTHENTICATED', 'The access token is not valid or has expired.', {
    cause,
  });
}

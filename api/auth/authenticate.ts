import type { Context } from 'koa';
import type { AccessTokens } from '#api/auth/access-tokens.ts';
import { reachOf, type Action, type Caller, type Reach } from '#domain/access/access.ts';
import { DomainError } from '#domain/errors.ts';

/** Room for many scopes and long names; what is longer is not one of our tokens. */
const maxTokenChars = 4096;

/** @throws UNAUTHENTICATED */
export function authenticate(context: Context, tokens: AccessTokens): Promise<Caller> | Caller {
  const header = context.req.headers.authorization;
  const match = header === undefined ? null : /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header);
  const token = match?.[1];
  if (token === undefined || token.length > maxTokenChars) {
    throw new DomainError('UNAUTHENTICATED', 'Send an access token: Authorization: Bearer ….');
  }
  return tokens.verifyToken(token);
}

/** By role and scope, before anything of the body is read. @throws FORBIDDEN */
export function authorize(caller: Caller, action: Action): Exclude<Reach, 'none'> {
  const reach = reachOf(caller, action);
  if (reach !== 'none') return reach;
  throw new DomainError('FORBIDDEN', `Role and scopes of this token do not permit ${action}.`);
}

import { readAnswer, requireSuccess, urlOf } from './api-answers.ts';
import { ConnectionError, damagedError } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import type { Connection } from './connection.ts';
import type { HttpClient } from './http-client.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import type { CachedToken, TokenCache } from './token-cache.ts';

export interface TokenSource {
  token(): Promise<string>;
  /** After the server has refused it. */
  renew(refused: string): Promise<string>;
}

export interface TokenSourceOptions {
  readonly http: HttpClient;
  readonly connection: Connection;
  readonly cache: TokenCache;
  readonly signal: AbortSignal;
}

/** One token for all parallel requests; a new one before the old one ends. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { cache, connection } = options;
  let current: Promise<CachedToken> | null = null;

  async function fetchAndKeep(): Promise<CachedToken> {
    const token = await fetchToken(options);
    await cache.keep(connection, token);
    return token;
  }

  async function obtain(): Promise<CachedToken> {
    const cached = await cache.find(connection);
    return cached !== null && isFresh(cached) ? cached : fetchAndKeep();
  }

  function replace(next: Promise<CachedToken>): Promise<CachedToken> {
    const replaced = next.catch((error: unknown) => {
      // The next request asks anew.
      if (current === replaced) current = null;
      throw error;
    });
    current = replaced;
    return replaced;
  }

  /** Parallel requests that find the same token unusable share the next one. */
  async function obtainUsable(isUsable: (token: CachedToken) => boolean): Promise<string> {
    const seen = current ?? replace(obtain());
    const token = await seen;
    if (isUsable(token)) return token.accessToken;
    const next = current === seen || current === null ? replace(fetchAndKeep()) : current;
    return (await next).accessToken;
  }

  return {
    token: () => obtainUsable(isFresh),
    renew: (refused) => obtainUsable(({ accessToken }) => accessToken !== refused),
  };
}

function isFresh({ expiresAtMs }: CachedToken): boolean {
  return expiresAtMs - Date.now() > clientLimits.tokenLeewayMs;
}

type TokenRequest = Pick<TokenSourceOptions, 'http' | 'connection' | 'signal'>;

/** RFC 6749, section 4.4. @throws ProblemError, ConnectionError */
export async function fetchToken(request: TokenRequest): Promise<CachedToken> {
  try {
    return await requestToken(request);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    // A token that got lost harms nobody: it may be asked for again in any case.
    throw new ConnectionError(error.message, { wasSent: false, cause: error });
  }
}

async function requestToken({ http, connection, signal }: TokenRequest): Promise<CachedToken> {
  const { url, clientId, clientSecret } = connection;
  // Section 2.3.1: both are form-encoded first.
  const pair = [clientId, clientSecret].map(encodeURIComponent).join(':');
  const sent = await http.send({
    method: 'POST',
    url: urlOf(url, '/auth/token'),
    headers: {
      Accept: 'application/json',
      Authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: Buffer.from('grant_type=client_credentials'),
    signal,
  });
  const { json } = await readAnswer(await requireSuccess(sent, signal), { signal });
  const body = isJsonObject(json) ? json : {};
  const { access_token: accessToken, expires_in: lifeSeconds } = body;
  if (typeof accessToken !== 'string' || typeof lifeSeconds !== 'number') {
    throw damagedError('The answer is no token: is this the address of an ArtStore?');
  }
  return { accessToken, expiresAtMs: Date.now() + lifeSeconds * 1000 };
}

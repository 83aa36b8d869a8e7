import test from 'ava';
import { createHttpClient } from './http-client.ts';
import type { CachedToken, TokenCache } from './token-cache.ts';
import { createTokenSource, type TokenSource } from './token-source.ts';
import { startRecordingServer, type RecordingServer } from '#test/support/recording-server.ts';

function cacheOf(token: CachedToken | null): TokenCache & { kept: CachedToken[] } {
  const kept: CachedToken[] = [];
  return {
    kept,
    find: () => Promise.resolve(token),
    keep: async (_connection, next) => void kept.push(next),
    forget: () => Promise.resolve(),
  };
}

function sourceOf({ url }: RecordingServer, cache: TokenCache): TokenSource {
  return createTokenSource({
    http: createHttpClient(),
    connection: { url, clientId: 'id:1', clientSecret: 'с%' },
    cache,
    signal: new AbortController().signal,
  });
}

const inMs = (durationMs: number): number => Date.now() + durationMs;

test('one token for all who ask at once, with both credentials encoded', async (t) => {
  await using server = await startRecordingServer(() => 'break');
  const cache = cacheOf(null);
  const source = sourceOf(server, cache);
  t.deepEqual(await Promise.all([source.token(), source.token()]), ['token-1', 'token-1']);
  const { authorization = '' } = server.tokenRequests[0]!.headers;
  const pair = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
  t.is(pair, 'id%3A1:%D1%81%25');
  t.deepEqual(
    cache.kept.map(({ accessToken }) => accessToken),
    ['token-1'],
  );
});

test('a token of an earlier command is used while it has time left', async (t) => {
  await using server = await startRecordingServer(() => 'break');
  const fresh = sourceOf(server, cacheOf({ accessToken: 'kept', expiresAtMs: inMs(600_000) }));
  t.is(await fresh.token(), 'kept');
  const old = sourceOf(server, cacheOf({ accessToken: 'kept', expiresAtMs: inMs(30_000) }));
  t.is(await old.token(), 'token-1');
});

test('all who were refused with the same token share the next one', async (t) => {
  await using server = await startRecordingServer(() => 'break');
  const source = sourceOf(server, cacheOf(null));
  const first = await source.token();
  const renewed = await Promise.all([source.renew(first), source.renew(first), source.token()]);
  t.deepEqual(renewed.slice(0, 2), ['token-2', 'token-2']);
  t.is(await source.renew(first), 'token-2', 'who comes late gets it too');
  t.is(server.tokenRequests.length, 2);
});

test('a token that could not be had is asked for anew', async (t) => {
  await using server = await startRecordingServer(
    () => 'break',
    (count) =>
      count === 1 ? { status: 503 } : { body: { access_token: 'second', expires_in: 1800 } },
  );
  const source = sourceOf(server, cacheOf(null));
  await t.throwsAsync(source.token());
  t.is(await source.token(), 'second');
});

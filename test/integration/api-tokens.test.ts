import { createHmac, generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import test from 'ava';
import { limits } from '#domain/limits.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
test.before(async () => {
  api = await startTestApi();
});
test.after.always(() => api[Symbol.asyncDispose]());

const tokenPath = '/api/v1/auth/token';
const basic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

async function ask(body: string | URLSearchParams, headers: Record<string, string> = {}) {
  const response = await api.fetch(tokenPath, { method: 'POST', token: null, body, headers });
  return { response, body: (await response.json()) as Record<string, unknown> };
}

const form = (fields: Record<string, string>) => new URLSearchParams(fields);
const grant = { grant_type: 'client_credentials' };

test('a token by Basic, by form and by JSON', async (t) => {
  const { clientId, secret, accountId } = await api.createClient('OPERATOR');
  const json = { 'Content-Type': 'application/json' };
  const credentials = { client_id: clientId, client_secret: secret };
  for (const { response, body } of [
    await ask(form(grant), { Authorization: basic(clientId, secret) }),
    await ask(form({ ...grant, ...credentials })),
    await ask(JSON.stringify({ ...grant, ...credentials }), json),
  ]) {
    t.is(response.status, 200, JSON.stringify(body));
    t.is(response.headers.get('cache-control'), 'no-store');
    t.like(body, { token_type: 'Bearer', expires_in: limits.tokenLifeSeconds });
    const token = String(body['access_token']);
    t.like(decodeProtectedHeader(token), { alg: 'RS256', typ: 'at+jwt' });
    const claims = decodeJwt(token);
    t.like(claims, {
      iss: api.url,
      aud: `${api.url}/api/v1`,
      sub: accountId,
      client_id: clientId,
      name: 'tester-operator',
      role: 'OPERATOR',
      scope: body['scope'],
    });
    t.is(Number(claims.exp) - Number(claims.iat), limits.tokenLifeSeconds);
    t.is(claims.nbf, claims.iat);
    t.truthy(claims.jti);
    t.is((await api.fetch('/api/v1/files', { token })).status, 200);
  }
});

test('errors in the form of RFC 6749, section 5.2', async (t) => {
  const { clientId, secret } = await api.createClient('READONLY');
  const credentials = { client_id: clientId, client_secret: secret };
  const json = { 'Content-Type': 'application/json' };
  for (const [body, headers, status, error] of [
    [form({}), {}, 400, 'invalid_request'],
    [form({ grant_type: 'password', ...credentials }), {}, 400, 'unsupported_grant_type'],
    [form(grant), {}, 401, 'invalid_client'],
    [form({ ...grant, client_id: clientId, client_secret: 'wrong' }), {}, 401, 'invalid_client'],
    [form({ ...grant, client_id: 'nobody', client_secret: 'wrong' }), {}, 401, 'invalid_client'],
    [form(grant), { Authorization: basic(clientId, 'wrong') }, 401, 'invalid_client'],
    [form(grant), { Authorization: 'Basic !' }, 401, 'invalid_client'],
    [
      form({ ...grant, ...credentials }),
      { Authorization: basic(clientId, secret) },
      400,
      'invalid_request',
    ],
    [form({ ...grant, ...credentials, scope: 'files:write' }), {}, 400, 'invalid_scope'],
    [form({ ...grant, ...credentials, scope: 'nonsense' }), {}, 400, 'invalid_scope'],
    [new URLSearchParams('grant_type=client_credentials&grant_type=x'), {}, 400, 'invalid_request'],
    ['{"grant_type":', json, 400, 'invalid_request'],
    ['[]', json, 400, 'invalid_request'],
    ['{"grant_type":1}', json, 400, 'invalid_request'],
    ['x', { 'Content-Type': 'text/plain' }, 415, 'invalid_request'],
    [
      'x'.repeat(limits.formBodyBytes + 1),
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      413,
      'invalid_request',
    ],
  ] as const) {
    const answer = await ask(body, headers);
    t.is(answer.response.status, status, JSON.stringify(answer.body));
    t.is(answer.response.headers.get('content-type'), 'application/json');
    t.is(answer.response.headers.get('cache-control'), 'no-store');
    t.is(answer.body['error'], error);
    t.is(typeof answer.body['error_description'], 'string');
    if (status === 401) t.regex(answer.response.headers.get('www-authenticate') ?? '', /^Basic /);
  }
});

test('a token carries what the account and the request leave of the role', async (t) => {
  const { clientId, secret } = await api.createClient('USER', ['files:read', 'files:write']);
  const credentials = { client_id: clientId, client_secret: secret };
  t.is((await ask(form({ ...grant, ...credentials }))).body['scope'], 'files:read files:write');
  const narrow = await ask(form({ ...grant, ...credentials, scope: 'files:read' }));
  t.is(narrow.body['scope'], 'files:read');
  const token = String(narrow.body['access_token']);
  t.is((await api.fetch('/api/v1/files', { token })).status, 200);
  const refused = await api.fetch('/api/v1/files?filename=x', { method: 'POST', body: 'x', token });
  t.is(refused.status, 403);
  t.like(await refused.json(), { code: 'FORBIDDEN' });
  const wide = await ask(form({ ...grant, ...credentials, scope: 'files:delete' }));
  t.is(wide.body['error'], 'invalid_scope');
});

test('an account that is not active gets no token', async (t) => {
  const { clientId, secret, accountId } = await api.createClient('USER');
  await api.database.query(
    { text: `update service_accounts set status = 'suspended' where account_id = $1` },
    [accountId],
  );
  const { body } = await ask(form({ ...grant, client_id: clientId, client_secret: secret }));
  t.is(body['error'], 'invalid_client');
});

test('the keys and the metadata of the server', async (t) => {
  const jwks = (await (await api.fetch('/.well-known/jwks.json', { token: null })).json()) as {
    keys: Record<string, unknown>[];
  };
  t.is(jwks.keys.length, 1);
  t.like(jwks.keys[0], { kty: 'RSA', alg: 'RS256', use: 'sig' });
  for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi']) t.false(secret in jwks.keys[0]!);
  const path = '/.well-known/oauth-authorization-server';
  t.like(await (await api.fetch(path, { token: null })).json(), {
    issuer: api.url,
    token_endpoint: `${api.url}${tokenPath}`,
    jwks_uri: `${api.url}/.well-known/jwks.json`,
    grant_types_supported: ['client_credentials'],
  });
});

test('only our own tokens are taken', async (t) => {
  const [key] = await api.ports.signingKeys.listKeys();
  const ours = await importJWK(key!.privateJwk, 'RS256');
  const { publicKey, privateKey: stranger } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'RS256', typ: 'at+jwt', kid: key!.keyId };
  const claims = {
    iss: api.url,
    aud: `${api.url}/api/v1`,
    sub: '11111111-1111-4111-8111-111111111111',
    client_id: 'x',
    name: 'x',
    role: 'ADMIN',
    scope: 'files:read',
    jti: 'x',
    iat: now,
    nbf: now,
    exp: now + 60,
  };
  const sign = (change: object, head: object = {}, by: Parameters<SignJWT['sign']>[0] = ours) =>
    new SignJWT({ ...claims, ...change }).setProtectedHeader({ ...header, ...head }).sign(by);
  const statusFor = async (token: string) => (await api.fetch('/api/v1/files', { token })).status;

  t.is(await statusFor(await sign({})), 200);
  t.is(await statusFor(await sign({ exp: now - limits.tokenLeewaySeconds + 10 })), 200);
  t.is(await statusFor(await sign({ nbf: now + limits.tokenLeewaySeconds - 10 })), 200);
  const parts = (await sign({})).split('.');
  const hs256 = `${Buffer.from(JSON.stringify({ ...header, alg: 'HS256' })).toString('base64url')}.${parts[1]}`;
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  for (const [title, token] of Object.entries({
    expired: await sign({ exp: now - limits.tokenLeewaySeconds - 5 }),
    'not yet valid': await sign({ nbf: now + limits.tokenLeewaySeconds + 30 }),
    'another issuer': await sign({ iss: 'http://other' }),
    'another audience': await sign({ aud: 'other' }),
    'another type': await sign({}, { typ: 'JWT' }),
    'an unknown key': await sign({}, { kid: 'unknown' }),
    'no key id': await sign({}, { kid: undefined }),
    "a stranger's signature": await sign({}, {}, stranger),
    'an unknown role': await sign({ role: 'ROOT' }),
    'an unknown scope': await sign({ scope: 'files:read everything' }),
    'no scope': await sign({ scope: undefined }),
    'a subject that is no id': await sign({ sub: 'x' }),
    'no expiry': await sign({ exp: undefined }),
    'changed claims': `${parts[0]}.${Buffer.from(JSON.stringify({ ...claims, role: 'USER' })).toString('base64url')}.${parts[2]}`,
    'no signature': new UnsecuredJWT(claims).encode(),
    'a symmetric signature': `${hs256}.${createHmac('sha256', pem).update(hs256).digest('base64url')}`,
    garbage: 'garbage',
    'far too long': 'x'.repeat(5000),
  })) {
    const response = await api.fetch('/api/v1/files', { token });
    t.is(response.status, 401, title);
    t.regex(response.headers.get('www-authenticate') ?? '', /^Bearer /);
    t.like(await response.json(), { code: 'UNAUTHENTICATED' });
  }
});

test('a verified token is remembered, and dies all the same when it expires', async (t) => {
  const [key] = await api.ports.signingKeys.listKeys();
  const ours = await importJWK(key!.privateJwk, 'RS256');
  const now = Math.floor(Date.now() / 1000);
  const exp = now - limits.tokenLeewaySeconds + 3;
  const token = await new SignJWT({ client_id: 'x', name: 'x', role: 'USER', scope: 'files:read' })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: key!.keyId })
    .setIssuer(api.url)
    .setAudience(`${api.url}/api/v1`)
    .setSubject('11111111-1111-4111-8111-111111111111')
    .setJti('x')
    .setIssuedAt(now - 60)
    .setNotBefore(now - 60)
    .setExpirationTime(exp)
    .sign(ours);
  t.is((await api.fetch('/api/v1/files', { token })).status, 200);
  let status = 200;
  while (status === 200) ({ status } = await api.fetch('/api/v1/files', { token }));
  t.is(status, 401);
  t.true(Date.now() / 1000 >= exp + limits.tokenLeewaySeconds);
});

test('more token requests than a minute allows are refused, per client', async (t) => {
  const own = await startTestApi();
  try {
    const statuses = new Map<number, number>();
    let last: Response | null = null;
    for (let count = 0; count <= limits.tokenRequestsPerMinute; count += 1) {
      last = await own.fetch(tokenPath, {
        method: 'POST',
        token: null,
        body: form({ grant_type: 'x', client_id: 'a' }),
      });
      statuses.set(last.status, (statuses.get(last.status) ?? 0) + 1);
      await last.arrayBuffer();
    }
    t.deepEqual(
      [...statuses],
      [
        [400, limits.tokenRequestsPerMinute],
        [429, 1],
      ],
    );
    t.true(Number(last?.headers.get('retry-after')) >= 1);
  } finally {
    await own[Symbol.asyncDispose]();
  }
});

import test from 'ava';
import { DomainError } from '#domain/errors.ts';
import { openRaw } from '#test/support/raw-http.ts';
import { startTestApi } from '#test/support/test-api.ts';

test('draining: readiness goes first, running transfers end well, new work is refused', async (t) => {
  const api = await startTestApi();
  const { token } = await api.createClient('USER');
  const bearer = `Authorization: Bearer ${token}\r\n`;
  using running = await openRaw(api.port);
  using idle = await openRaw(api.port);
  await running.send(
    `POST /api/v1/files?filename=x HTTP/1.1\r\nHost: x\r\n${bearer}Content-Length: 8\r\n\r\nhalf`,
  );
  while ((await api.countRows('uploads', `state = 'receiving'`)) === 0);
  const drained = api.server.drain();

  await idle.send('GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n');
  const ready = await idle.answer();
  t.is(ready.status, 503);
  t.like(JSON.parse(ready.body), { code: 'DRAINING', state: 'draining' });
  await idle.send('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
  t.is((await idle.answer()).status, 200);
  await idle.send(`GET /api/v1/files HTTP/1.1\r\nHost: x\r\n${bearer}\r\n`);
  const refused = await idle.answer();
  t.is(refused.status, 503);
  t.truthy(refused.headers.get('retry-after'));
  t.like(JSON.parse(refused.body), { code: 'DRAINING' });

  await running.send('half');
  t.is((await running.answer()).status, 201);
  await drained;
  await Promise.all([running.ended, idle.ended]);
  await t.throwsAsync(() => openRaw(api.port));
  await api[Symbol.asyncDispose]();
});

test('the catalogue down: 503 everywhere it is needed, by itself back when it is', async (t) => {
  let isDown = false;
  const api = await startTestApi(({ catalogue, uploads, accounts }) => {
    const gate = <Port extends object>(port: Port): Port =>
      new Proxy(port, {
        get(target, name) {
          const member = Reflect.get(target, name) as unknown;
          if (typeof member !== 'function') return member;
          return (...args: unknown[]) =>
            isDown
              ? Promise.reject(new DomainError('CATALOGUE_UNAVAILABLE', 'It does not answer.'))
              : (member.apply(target, args) as unknown);
        },
      });
    return { catalogue: gate(catalogue), uploads: gate(uploads), accounts: gate(accounts) };
  });
  try {
    const { token } = await api.createClient('USER');
    const upload = () =>
      api.fetch('/api/v1/files?filename=x', { method: 'POST', body: 'x', token });
    isDown = true;
    for (const response of [await upload(), await api.fetch('/api/v1/files', { token })]) {
      t.is(response.status, 503);
      t.truthy(response.headers.get('retry-after'));
      t.like(await response.json(), { code: 'CATALOGUE_UNAVAILABLE' });
    }
    const asked = await api.fetch('/api/v1/auth/token', {
      method: 'POST',
      token: null,
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'x',
        client_secret: 'x',
      }),
    });
    t.is(asked.status, 503);
    t.like(await asked.json(), { error: 'temporarily_unavailable' });
    isDown = false;
    t.is((await upload()).status, 201);
  } finally {
    await api[Symbol.asyncDispose]();
  }
});

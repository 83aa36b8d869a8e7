import test from 'ava';
import { routes } from '#api/routes.ts';
import { roles, type Action, type Role } from '#domain/access/access.ts';
import { startTestApi, type TestApi } from '#test/support/test-api.ts';

let api: TestApi;
const tokens = new Map<Role, string>();
test.before(async () => {
  api = await startTestApi();
  for (const role of roles) tokens.set(role, (await api.createClient(role)).token);
});
test.after.always(() => api[Symbol.asyncDispose]());

/** Written down once more, from the specification's table and not from the code. */
const permitted: Record<Action, readonly Role[]> = {
  'files.read': ['ADMIN', 'OPERATOR', 'USER', 'AUDITOR', 'READONLY'],
  'files.store': ['ADMIN', 'OPERATOR', 'USER'],
  'files.update': ['ADMIN', 'OPERATOR', 'USER'],
  'files.delete': ['ADMIN', 'OPERATOR', 'USER'],
  'audit.read': ['ADMIN', 'AUDITOR'],
  'elements.manage': ['ADMIN', 'OPERATOR'],
  'elements.read': ['ADMIN', 'OPERATOR', 'AUDITOR'],
  'migrations.run': ['ADMIN', 'OPERATOR'],
  'templates.manage': ['ADMIN', 'OPERATOR'],
  'operations.control': ['ADMIN', 'OPERATOR', 'USER'],
  'operations.read': ['ADMIN', 'OPERATOR', 'USER', 'AUDITOR'],
  'schemas.read': ['ADMIN', 'OPERATOR', 'USER', 'AUDITOR', 'READONLY'],
  'search.inspect': ['ADMIN', 'OPERATOR', 'AUDITOR'],
  'search.manage': ['ADMIN', 'OPERATOR'],
};

const publicRoutes = [
  'issueToken',
  'showSigningKeys',
  'showAuthorizationServer',
  'showLiveness',
  'showReadiness',
  'showStartup',
  'showOpenApi',
  'showDocumentation',
  'showErrorCodes',
  'showDocumentationAsset',
];

test('exactly these routes are open', (t) => {
  const open = routes.filter(({ policy }) => policy === 'public').map(({ name }) => name);
  t.deepEqual(open.toSorted(), publicRoutes.toSorted());
});

test('names and addresses of routes are unique', (t) => {
  t.is(new Set(routes.map(({ name }) => name)).size, routes.length);
  t.is(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size, routes.length);
});

for (const { name, method, path, policy } of routes) {
  const url = path.replaceAll(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000');
  const methods = method === 'GET' ? ['GET', 'HEAD'] : [method];

  for (const verb of methods) {
    test(`${verb} ${path}: every role, and nobody`, async (t) => {
      const ask = async (token: string | null) => {
        const response = await api.fetch(url, { method: verb, token });
        await response.arrayBuffer();
        return response.status;
      };
      if (policy === 'public') {
        t.not(await ask(null), 403);
        if (name !== 'issueToken') t.not(await ask(null), 401);
        return;
      }
      t.is(await ask(null), 401);
      t.is(await ask('nonsense'), 401);
      for (const role of roles) {
        const status = await ask(tokens.get(role) ?? '');
        if (permitted[policy.action].includes(role))
          t.false([401, 403].includes(status), `${role}: ${status}`);
        else t.is(status, 403, role);
      }
    });
  }
}

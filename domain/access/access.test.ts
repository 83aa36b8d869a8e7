import test from 'ava';
import { assert, constantFrom, option, property, subarray } from 'fast-check';
import {
  actions,
  grantScopes,
  isRole,
  isScope,
  reachOf,
  roles,
  scopes,
} from '#domain/access/access.ts';

const someScopes = subarray([...scopes]);
const someRole = constantFrom(...roles);

test('a scope narrows a role and never widens it', (t) => {
  assert(
    property(someRole, someScopes, constantFrom(...actions), (role, granted, action) => {
      const narrowed = reachOf({ role, scopes: granted }, action);
      const whole = reachOf({ role, scopes }, action);
      return narrowed === 'none' || narrowed === whole;
    }),
  );
  t.pass();
});

test('without scopes nothing is permitted', (t) => {
  for (const role of roles) {
    for (const action of actions) t.is(reachOf({ role, scopes: [] }, action), 'none');
  }
});

test('granted scopes lie within the role, the account and the request', (t) => {
  assert(
    property(someRole, option(someScopes), option(someScopes), (role, ofAccount, requested) => {
      const whole = grantScopes(role, null, null) ?? [];
      const granted = grantScopes(role, ofAccount, requested);
      if (granted === null) return true;
      return granted.every(
        (scope) =>
          whole.includes(scope) &&
          (ofAccount?.includes(scope) ?? true) &&
          (requested?.includes(scope) ?? true),
      );
    }),
  );
  t.pass();
});

test('asking for more than the account may is refused, not cut', (t) => {
  t.is(grantScopes('READONLY', null, ['files:read', 'files:write']), null);
  t.is(grantScopes('ADMIN', ['files:read'], ['files:write']), null);
  t.deepEqual(grantScopes('ADMIN', ['files:read'], null), ['files:read']);
  t.deepEqual(grantScopes('ADMIN', null, null), scopes);
});

test('unknown roles and scopes are refused', (t) => {
  for (const text of ['ROOT', 'admin', '', 'toString']) t.false(isRole(text));
  for (const text of ['files:*', 'FILES:READ', '', 'constructor']) t.false(isScope(text));
});

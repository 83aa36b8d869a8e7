/**
 * Who may do what: one table for the API and everything else. A scope narrows a role, it never
 * widens it. Unknown roles and scopes are refused.
 */
import type { AccountId } from '#domain/ids.ts';

export const roles = ['ADMIN', 'OPERATOR', 'USER', 'AUDITOR', 'READONLY'] as const;
export type Role = (typeof roles)[number];

export const scopes = [
  'files:read',
  'files:write',
  'files:delete',
  'elements:read',
  'elements:manage',
  'migrations:run',
  'accounts:manage',
  'audit:read',
  'webhooks:manage',
] as const;
export type Scope = (typeof scopes)[number];

/** Whoever a valid token speaks for. */
export interface Caller {
  readonly accountId: AccountId;
  readonly clientId: string;
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly Scope[];
}

/** `own`: only what the account itself has made. */
export type Reach = 'all' | 'own' | 'none';

interface ActionRule {
  readonly reach: Partial<Record<Role, 'all' | 'own'>>;
  /** One of these must have been granted. */
  readonly scopes: readonly Scope[];
}

const everyone = {
  ADMIN: 'all',
  OPERATOR: 'all',
  USER: 'all',
  AUDITOR: 'all',
  READONLY: 'all',
} as const;

const actionRules = {
  'files.read': { reach: everyone, scopes: ['files:read'] },
  'files.store': {
    reach: { ADMIN: 'all', OPERATOR: 'all', USER: 'all' },
    scopes: ['files:write'],
  },
  'files.update': {
    reach: { ADMIN: 'all', OPERATOR: 'all', USER: 'all' },
    scopes: ['files:write'],
  },
  'files.delete': {
    reach: { ADMIN: 'all', OPERATOR: 'all', USER: 'own' },
    scopes: ['files:delete'],
  },
  'schemas.read': { reach: everyone, scopes: ['files:read', 'files:write'] },
  'operations.read': {
    reach: { ADMIN: 'all', OPERATOR: 'all', USER: 'own', AUDITOR: 'all' },
    scopes: [
      'files:write',
      'files:delete',
      'elements:read',
      'elements:manage',
      'migrations:run',
      'audit:read',
    ],
  },
  /** Cancel, pause, resume. */
  'operations.control': {
    reach: { ADMIN: 'all', OPERATOR: 'all', USER: 'own' },
    scopes: ['files:write', 'files:delete', 'elements:manage', 'migrations:run'],
  },
  'elements.read': {
    reach: { ADMIN: 'all', OPERATOR: 'all', AUDITOR: 'all' },
    scopes: ['elements:read', 'elements:manage'],
  },
  /** Register, change, rebuild, reconcile. */
  'elements.manage': { reach: { ADMIN: 'all', OPERATOR: 'all' }, scopes: ['elements:manage'] },
  'migrations.run': { reach: { ADMIN: 'all', OPERATOR: 'all' }, scopes: ['migrations:run'] },
  'templates.manage': { reach: { ADMIN: 'all', OPERATOR: 'all' }, scopes: ['elements:manage'] },
  'search.inspect': {
    reach: { ADMIN: 'all', OPERATOR: 'all', AUDITOR: 'all' },
    scopes: ['elements:read', 'elements:manage'],
  },
  'search.manage': { reach: { ADMIN: 'all', OPERATOR: 'all' }, scopes: ['elements:manage'] },
  'audit.read': { reach: { ADMIN: 'all', AUDITOR: 'all' }, scopes: ['audit:read'] },
} as const satisfies Record<string, ActionRule>;

export type Action = keyof typeof actionRules;
export const actions = Object.keys(actionRules) as readonly Action[];

/** What each role can be given at most. */
const scopesOfRole: Record<Role, readonly Scope[]> = {
  ADMIN: scopes,
  OPERATOR: [
    'files:read',
    'files:write',
    'files:delete',
    'elements:read',
    'elements:manage',
    'migrations:run',
    'webhooks:manage',
  ],
  USER: ['files:read', 'files:write', 'files:delete'],
  AUDITOR: ['files:read', 'elements:read', 'audit:read'],
  READONLY: ['files:read'],
};

/** What a caller may do, before anything is known about the resource. */
export function reachOf(caller: Pick<Caller, 'role' | 'scopes'>, action: Action): Reach {
  const rule: ActionRule = actionRules[action];
  if (!rule.scopes.some((scope) => caller.scopes.includes(scope))) return 'none';
  return rule.reach[caller.role] ?? 'none';
}

/**
 * The scopes of a token: those of the role, narrowed by the account and by the request.
 * @param requested null: everything the account may.
 * @returns null when the request asks for more than the account may.
 */
export function grantScopes(
  role: Role,
  ofAccount: readonly Scope[] | null,
  requested: readonly Scope[] | null,
): readonly Scope[] | null {
  const permitted = scopesOfRole[role].filter(
    (scope) => ofAccount === null || ofAccount.includes(scope),
  );
  if (requested === null) return permitted;
  const isWithin = requested.every((scope) => permitted.includes(scope));
  return isWithin ? permitted.filter((scope) => requested.includes(scope)) : null;
}

export function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

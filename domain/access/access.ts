/**
 * Who may do what: one table for the API and everything else. A scope narrows a role, it never
 * widens it. Unknown roles and scopes are refused.
 */
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

export function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

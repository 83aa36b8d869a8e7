import { homedir } from 'node:os';
import { join } from 'node:path';
import { usageError } from './cli-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A server, and the account that speaks to it. */
export interface Connection {
  /** Without `/api/v1` and without a slash at its end. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** @throws CliError for what is no address of a server */
export function parseServerUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageError(`"${text}" is not the address of a server, such as https://archive.example.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw usageError('The address must not carry credentials: artstore login asks for them.');
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
  return `${url.origin}${path}`;
}

/** An empty variable counts as not set. */
export function variable(env: Environment, name: string): string | null {
  const value = env[name] ?? '';
  return value === '' ? null : value;
}

/** By the XDG Base Directory Specification: a relative path is to be ignored. */
export function configDirectory(env: Environment): string {
  return join(baseDirectory(env, 'XDG_CONFIG_HOME', '.config'), 'artstore');
}

export function tokenDirectory(env: Environment): string {
  return join(baseDirectory(env, 'XDG_CACHE_HOME', '.cache'), 'artstore', 'tokens');
}

function baseDirectory(env: Environment, name: string, fallback: string): string {
  const configured = env[name] ?? '';
  return configured.startsWith('/') ? configured : join(env['HOME'] ?? homedir(), fallback);
}

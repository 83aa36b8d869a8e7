import type { IncomingMessage } from 'node:http';
import { OauthError } from '#api/auth/oauth-errors.ts';

export interface TokenRequest {
  readonly grantType: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly scope: string | undefined;
}

const known = ['grant_type', 'client_id', 'client_secret', 'scope'];

/** RFC 6749, section 3.2: a parameter must not come twice; unknown ones are ignored there. */
export function parseTokenForm(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (parameters.has(name)) {
      throw new OauthError('invalid_request', 'A parameter was sent more than once.');
    }
    // Section 3.1: a parameter without a value is treated as if it were omitted.
    if (value !== '') parameters.set(name, value);
  }
  return parameters;
}

export function parseTokenJson(text: string): ReadonlyMap<string, string> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new OauthError('invalid_request', 'The body is not well-formed JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new OauthError('invalid_request', 'The body must be a JSON object.');
  }
  const parameters = new Map<string, string>();
  for (const [name, value] of Object.entries(body)) {
    if (!known.includes(name)) continue;
    if (typeof value !== 'string') {
      throw new OauthError('invalid_request', `${name} must be a string.`);
    }
    if (value !== '') parameters.set(name, value);
  }
  return parameters;
}

export function readTokenRequest(
  req: IncomingMessage,
  parameters: ReadonlyMap<string, string>,
): TokenRequest {
  const basic = parseBasic(req.headers.authorization);
  const inBody = parameters.get('client_id');
  // Section 2.3: a client must not use more than one method in one request.
  if (basic !== null && parameters.has('client_secret')) {
    throw new OauthError('invalid_request', 'The client authenticated in two ways at once.');
  }
  if (basic !== null && inBody !== undefined && inBody !== basic.clientId) {
    throw new OauthError('invalid_request', 'The client_id differs from that of Basic.');
  }
  return {
    grantType: parameters.get('grant_type'),
    scope: parameters.get('scope'),
    clientId: basic?.clientId ?? inBody,
    clientSecret: basic?.clientSecret ?? parameters.get('client_secret'),
  };
}

/** Section 2.3.1: id and secret are form-encoded before they go into the Basic scheme. */
function parseBasic(
  header: string | undefined,
): { readonly clientId: string; readonly clientSecret: string } | null {
  if (header === undefined) return null;
  const match = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(header);
  const text = match?.[1] === undefined ? null : Buffer.from(match[1], 'base64').toString();
  const colon = text?.indexOf(':') ?? -1;
  if (text === null || colon < 0) {
    throw new OauthError('invalid_client', 'The Authorization header is not well-formed Basic.');
  }
  return {
    clientId: decodeFormPart(text.slice(0, colon)),
    clientSecret: decodeFormPart(text.slice(colon + 1)),
  };
}

/** Clients that do not encode are common: what is not an encoding is taken as it is. */
function decodeFormPart(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

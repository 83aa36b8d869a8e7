import { problemHeaders, statusOf } from '#api/problem-details.ts';
import { DomainError, type ErrorKind } from '#domain/errors.ts';

export type OauthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_scope'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable'
  | 'server_error';

/** An error of RFC 6749, section 5.2, carried by a domain error so that one handler answers all. */
export class OauthError extends DomainError {
  readonly oauthCode: OauthErrorCode;

  constructor(oauthCode: OauthErrorCode, description: string) {
    super(oauthCode === 'invalid_client' ? 'UNAUTHENTICATED' : 'REQUEST_MALFORMED', description);
    this.oauthCode = oauthCode;
  }
}

interface OauthAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: OauthErrorCode; readonly error_description: string };
}

export function presentOauthError(error: DomainError): OauthAnswer {
  const code = error instanceof OauthError ? error.oauthCode : oauthCodeOf(error);
  const headers = problemHeaders(error);
  // Section 5.2: 401 names the scheme that the client may use, whichever it used.
  if (code === 'invalid_client') headers['WWW-Authenticate'] = 'Basic realm="artstore"';
  return {
    status: code === 'invalid_request' && error.kind === 'invalid' ? 400 : statusOf(error),
    headers,
    body: { error: code, error_description: error.message },
  };
}

const unavailable: readonly ErrorKind[] = ['unavailable', 'limit'];
const ours: readonly ErrorKind[] = ['internal', 'timeout', 'corrupt'];

function oauthCodeOf({ kind }: DomainError): OauthErrorCode {
  if (unavailable.includes(kind)) return 'temporarily_unavailable';
  return ours.includes(kind) ? 'server_error' : 'invalid_request';
}

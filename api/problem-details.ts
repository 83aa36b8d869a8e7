import { DomainError, type ErrorKind, type Fault } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

/** The one place where the language of the domain becomes a status of HTTP. */
const statusOfKind = {
  malformed: 400,
  invalid: 422,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  gone: 410,
  conflict: 409,
  'precondition-failed': 412,
  'precondition-required': 428,
  'too-large': 413,
  'uri-too-long': 414,
  'sender-timeout': 408,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  'method-not-allowed': 405,
  'not-acceptable': 406,
  limit: 429,
  corrupt: 500,
  'insufficient-storage': 507,
  unavailable: 503,
  timeout: 504,
  internal: 500,
} as const satisfies Record<ErrorKind, number>;

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly errors?: readonly Fault[];
  readonly [extension: string]: unknown;
}

/** RFC 6585, section 5: a header section has a status of its own. */
export function statusOf(error: DomainError): number {
  return error.code === 'HEADERS_TOO_LARGE' ? 431 : statusOfKind[error.kind];
}

export function presentProblem(error: DomainError, requestId: string): Problem {
  const { faults, limitBytes, sizeBytes, operationId, mode, operation, deletedAt } = error.details;
  return {
    type: typeOf(error.code),
    title: error.title,
    status: statusOf(error),
    detail: error.message,
    instance: `urn:request:${requestId}`,
    code: error.code,
    ...(faults !== undefined && { errors: faults }),
    ...(limitBytes !== undefined && { limit_bytes: limitBytes }),
    ...(sizeBytes !== undefined && { size_bytes: sizeBytes }),
    ...(operationId !== undefined && { operation_id: operationId }),
    ...(mode !== undefined && { mode }),
    ...(operation !== undefined && { operation }),
    ...(deletedAt !== undefined && { deleted_at: deletedAt }),
  };
}

function typeOf(code: string): string {
  return `/docs/errors#${code.toLowerCase()}`;
}

/** Headers that a caller needs to act on an error. */
export function problemHeaders(error: DomainError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.details.allow !== undefined) headers['Allow'] = error.details.allow.join(', ');
  if (error.kind === 'unavailable' || error.kind === 'limit') {
    headers['Retry-After'] = String(error.details.retryAfterSeconds ?? limits.retryAfterSeconds);
  }
  if (error.kind === 'unauthenticated') headers['WWW-Authenticate'] = challengeOf(error);
  if (error.kind === 'range-not-satisfiable') {
    headers['Content-Range'] = `bytes */${error.details.sizeBytes ?? 0}`;
  }
  return headers;
}

/** RFC 6750, section 3: a request without a token is told nothing but the scheme. */
function challengeOf(error: DomainError): string {
  return error.cause === undefined
    ? 'Bearer realm="artstore"'
    : 'Bearer realm="artstore", error="invalid_token"';
}

/** Whatever was thrown, as an error that may be shown; a bug becomes INTERNAL and keeps its cause. */
export function toDomainError(thrown: unknown): DomainError {
  if (thrown instanceof DomainError) return thrown;
  return new DomainError('INTERNAL', 'The request could not be completed.', { cause: thrown });
}

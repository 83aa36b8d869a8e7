/**
 * The closed catalogue of everything that can go wrong, in the language of the domain. No HTTP
 * status and no retry flag here: the API maps a kind to a status, the activities map it to
 * retryable. `docs/errors.md` describes each code (cause, remedy, whether to retry).
 */
export type ErrorKind =
  | 'malformed' // cannot be parsed
  | 'invalid' // parses, but is not valid or not allowed as data
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'gone'
  | 'conflict' // with the state of the resource
  | 'precondition-failed'
  | 'precondition-required'
  | 'too-large'
  | 'uri-too-long'
  | 'sender-timeout' // the other side did not send in time
  | 'unsupported-media-type'
  | 'range-not-satisfiable'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'limit' // too many requests
  | 'corrupt' // stored data is not what it must be
  | 'insufficient-storage'
  | 'unavailable' // a needed part is down, or the system is full: try again
  | 'timeout'
  | 'internal';

export const errorCatalogue = {
  REQUEST_MALFORMED: { kind: 'malformed', title: 'The request cannot be parsed' },
  BODY_INCOMPLETE: { kind: 'malformed', title: 'The body ended early or is longer than declared' },
  MULTIPART_MALFORMED: { kind: 'malformed', title: 'The multipart body is malformed' },
  CURSOR_INVALID: { kind: 'malformed', title: 'The cursor is not one of ours' },
  CHECKSUM_MISMATCH: { kind: 'malformed', title: 'The content does not have the declared digest' },
  REQUEST_INVALID: { kind: 'invalid', title: 'The request is not valid' },
  FEATURE_NOT_AVAILABLE: {
    kind: 'invalid',
    title: 'This field belongs to a feature that is not available',
  },
  FILENAME_INVALID: { kind: 'invalid', title: 'The file name cannot be used' },
  USERNAME_INVALID: {
    kind: 'invalid',
    title: 'The name of the account cannot be used in a storage name',
  },
  ATTRIBUTES_INVALID: { kind: 'invalid', title: 'The attributes are not valid' },
  ATTRIBUTES_MALFORMED: { kind: 'malformed', title: 'The sidecar is not well-formed JSON' },
  ATTRIBUTES_TOO_LARGE: { kind: 'invalid', title: 'The attributes are larger than the limit' },
  ATTRIBUTES_VERSION_UNSUPPORTED: {
    kind: 'invalid',
    title: 'This version of the attributes is not known',
  },
  TEMPLATE_INVALID: { kind: 'invalid', title: 'The template is not a schema that can be used' },
  ATTRIBUTES_TEMPLATE_VIOLATED: {
    kind: 'invalid',
    title: 'The custom attributes do not fit their template',
  },
  ATTRIBUTES_MAPPING_CONFLICT: {
    kind: 'conflict',
    title: 'The mapping would replace a custom attribute that is there',
  },
  SELECTION_EMPTY: { kind: 'invalid', title: 'The selection matches no file' },
  IDEMPOTENCY_KEY_REUSED: {
    kind: 'invalid',
    title: 'The idempotency key was used for other content',
  },
  IDEMPOTENCY_KEY_INVALID: { kind: 'malformed', title: 'The idempotency key is malformed' },
  UNAUTHENTICATED: { kind: 'unauthenticated', title: 'A valid access token is needed' },
  FORBIDDEN: { kind: 'forbidden', title: 'The account may not do this' },
  FILE_NOT_FOUND: { kind: 'not-found', title: 'There is no such file' },
  ELEMENT_NOT_FOUND: { kind: 'not-found', title: 'There is no such storage element' },
  TEMPLATE_NOT_FOUND: { kind: 'not-found', title: 'There is no such template' },
  OPERATION_NOT_FOUND: { kind: 'not-found', title: 'There is no such operation' },
  SCHEMA_NOT_FOUND: { kind: 'not-found', title: 'There is no such schema' },
  ROUTE_NOT_FOUND: { kind: 'not-found', title: 'There is no such resource' },
  CONTENT_MISSING: {
    kind: 'not-found',
    title: 'The content of this file is missing on its storage element',
  },
  FILE_BUSY: { kind: 'conflict', title: 'Another operation holds this file' },
  FILE_CHANGED: { kind: 'conflict', title: 'The file was changed since' },
  ELEMENT_EXISTS: { kind: 'conflict', title: 'There is a storage element with this id' },
  ELEMENT_LOCATION_REFUSED: {
    kind: 'conflict',
    title: 'The location cannot become this storage element',
  },
  TEMPLATE_UNREGISTERED: {
    kind: 'conflict',
    title: 'The template of this file is not registered',
  },
  OPERATION_IN_PROGRESS: { kind: 'conflict', title: 'Such an operation is already running' },
  OPERATION_CANCELLED: { kind: 'conflict', title: 'The operation was cancelled' },
  MODE_FORBIDS_OPERATION: {
    kind: 'conflict',
    title: 'The mode of the storage element forbids this',
  },
  RETENTION_FORBIDS_DELETION: {
    kind: 'conflict',
    title: 'Retention forbids to delete this file',
  },
  OPERATION_STATE_FORBIDS: {
    kind: 'conflict',
    title: 'The operation is in a state, or of a kind, that does not permit this',
  },
  FILE_DELETED: { kind: 'gone', title: 'This file was deleted' },
  SEARCH_UNAVAILABLE: { kind: 'unavailable', title: 'The search engine is not available' },
  SEARCH_TIMEOUT: { kind: 'timeout', title: 'The search took too long' },
  EVENTS_CURSOR_EXPIRED: {
    kind: 'conflict',
    title: 'The feed was made anew since this cursor was given out',
  },
  UPLOAD_NOT_CURRENT: {
    kind: 'conflict',
    title: 'The upload is no longer in the state this step needs',
  },
  PRECONDITION_FAILED: {
    kind: 'precondition-failed',
    title: 'A precondition of the request is not met',
  },
  PRECONDITION_REQUIRED: {
    kind: 'precondition-required',
    title: 'This request needs a precondition',
  },
  BODY_TOO_LARGE: { kind: 'too-large', title: 'The body is larger than the limit' },
  URI_TOO_LONG: { kind: 'uri-too-long', title: 'The request target is longer than the limit' },
  SENDER_TOO_SLOW: { kind: 'sender-timeout', title: 'The request was not sent in time' },
  HEADERS_TOO_LARGE: { kind: 'too-large', title: 'The header section is larger than the limit' },
  MEDIA_TYPE_UNSUPPORTED: {
    kind: 'unsupported-media-type',
    title: 'This media type is not accepted here',
  },
  RANGE_NOT_SATISFIABLE: {
    kind: 'range-not-satisfiable',
    title: 'None of the ranges lies within the content',
  },
  METHOD_NOT_ALLOWED: { kind: 'method-not-allowed', title: 'This method is not allowed here' },
  RATE_LIMITED: { kind: 'limit', title: 'Too many requests' },
  CONTENT_CORRUPT: {
    kind: 'corrupt',
    title: 'The stored content does not have its recorded digest',
  },
  SIDECAR_CORRUPT: {
    kind: 'corrupt',
    title: 'The stored sidecar is damaged or was changed from outside',
  },
  SIDECAR_MISSING: { kind: 'corrupt', title: 'The sidecar of a file in the catalogue is missing' },
  SIDECAR_CHANGED: {
    kind: 'corrupt',
    title: 'The sidecar is not the one that the catalogue knows',
  },
  CONTENT_ORPHANED: { kind: 'corrupt', title: 'Content stands without a sidecar' },
  ROW_MISSING: { kind: 'corrupt', title: 'A file stands on the element without a row' },
  SIZE_MISMATCH: { kind: 'corrupt', title: 'The content does not have its recorded size' },
  INTEGRITY_MISMATCH: {
    kind: 'corrupt',
    title: 'The sidecar does not have the digest that it carries',
  },
  DUPLICATE_FILE_ID: { kind: 'corrupt', title: 'Two sidecars carry the same file id' },
  LOCATION_UNUSABLE: {
    kind: 'corrupt',
    title: 'What stands here is nothing that the element can hold',
  },
  TOO_MANY_FINDINGS: {
    kind: 'corrupt',
    title: 'So much looks wrong that the fault must lie elsewhere',
  },
  INSUFFICIENT_STORAGE: {
    kind: 'insufficient-storage',
    title: 'No storage element has room for this file',
  },
  ELEMENT_UNAVAILABLE: { kind: 'unavailable', title: 'The storage element is not available' },
  CATALOGUE_UNAVAILABLE: { kind: 'unavailable', title: 'The catalogue is not available' },
  WORKFLOWS_UNAVAILABLE: { kind: 'unavailable', title: 'Changes are not possible at the moment' },
  TOO_MANY_UPLOADS: { kind: 'unavailable', title: 'Too many uploads are waiting' },
  TOO_MANY_CHANGES: { kind: 'unavailable', title: 'Too many changes are waiting' },
  NOT_READY: { kind: 'unavailable', title: 'A part that this instance needs does not answer' },
  DRAINING: { kind: 'unavailable', title: 'This instance is shutting down' },
  REQUEST_TIMEOUT: { kind: 'timeout', title: 'The request took too long' },
  INTERNAL: { kind: 'internal', title: 'Something went wrong on our side' },
} as const satisfies Record<string, { kind: ErrorKind; title: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One fault of many: `pointer` is a JSON Pointer into the request, or `query/<name>`, `header/<name>`. */
export interface Fault {
  readonly pointer: string;
  readonly message: string;
}

/** What a code carries beside its sentence. Everything in it may be shown to the caller. */
export interface ErrorDetails {
  readonly faults?: readonly Fault[];
  readonly limitBytes?: number;
  readonly sizeBytes?: number;
  readonly operationId?: string;
  readonly mode?: string;
  readonly operation?: string;
  readonly allow?: readonly string[];
  readonly retryAfterSeconds?: number;
  /** An instant, as the API shows it. */
  readonly deletedAt?: string;
}

/**
 * The one error class of the domain.
 * @param detail a sentence for the caller: no path, no SQL, no secret. Internal causes go into `cause`.
 */
export class DomainError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'DomainError';
  readonly code: Code;
  readonly details: ErrorDetails;

  constructor(
    code: Code,
    detail: string,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return errorCatalogue[this.code].kind;
  }

  get title(): string {
    return errorCatalogue[this.code].title;
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}

/** Narrows by code, and only by code: nobody branches on a message. */
export function isDomainError<Code extends ErrorCode>(
  error: unknown,
  ...codes: Code[]
): error is DomainError<Code> {
  return (
    error instanceof DomainError &&
    (codes.length === 0 || (codes as readonly ErrorCode[]).includes(error.code))
  );
}

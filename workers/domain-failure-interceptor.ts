import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { DomainError, type ErrorKind } from '#domain/errors.ts';

/**
 * Waiting for the outside is a retry, not a failure; what will be the same the next time is a
 * failure, not a retry.
 */
const isRetryable = {
  malformed: false,
  invalid: false,
  unauthenticated: false,
  forbidden: false,
  'not-found': false,
  gone: false,
  conflict: false,
  'precondition-failed': false,
  'precondition-required': false,
  'too-large': false,
  'uri-too-long': false,
  'sender-timeout': true,
  'unsupported-media-type': false,
  'range-not-satisfiable': false,
  'method-not-allowed': false,
  'not-acceptable': false,
  limit: true,
  corrupt: false,
  'insufficient-storage': true,
  unavailable: true,
  timeout: true,
  internal: true,
} as const satisfies Record<ErrorKind, boolean>;

/** A step without an end to its tries has by then failed for minutes: somebody should look. */
const alertAttempt = 10;

/** The one place where errors of the domain become Temporal's, for every activity. */
export function createDomainFailureInterceptor(): ActivityInterceptorsFactory {
  return ({ info, log }) => ({
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          const { attempt } = info;
          if (attempt >= alertAttempt) log.error('a step keeps failing', { attempt, error });
          throw error instanceof DomainError ? toApplicationFailure(error) : error;
        }
      },
    },
  });
}

export function toApplicationFailure(error: DomainError): ApplicationFailure {
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !isRetryable[error.kind],
    details: [error.details],
    ...(error.cause instanceof Error ? { cause: error.cause } : {}),
  });
}

import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { parseIdempotencyKey } from '#api/idempotency-key.ts';
import { answerAccepted } from '#api/operations/answer-accepted.ts';
import { callerOf, type Call } from '#api/route.ts';
import { canonicalizeJson } from '#domain/attributes/canonical-json.ts';
import { DomainError } from '#domain/errors.ts';
import type { OperationId } from '#domain/ids.ts';
import type { JsonValue } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { Operation } from '#domain/operations.ts';
import type { KeyedRequest } from '#domain/ports/operation-keys.ts';

/** For the declaration of a route whose step is `startOnce`. */
export const idempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'The same key and request give the same operation again.' }),
  ),
});

/** What such a route may answer with beside what its start throws. */
export const idempotencyErrors = ['IDEMPOTENCY_KEY_INVALID', 'IDEMPOTENCY_KEY_REUSED'] as const;

const lookEveryMs = 100;

export interface OperationToStart extends Pick<Operation, 'kind'> {
  readonly subject: (operationId: OperationId) => Operation['subject'];
  /** What was asked for, apart from its kind: a key is good for one request only. */
  readonly request: JsonValue;
  /** When it throws, nothing was started and nothing will be. */
  readonly start: (operationId: OperationId) => Promise<unknown>;
}

/**
 * Starts an operation and answers 202 with it; a request with an `Idempotency-Key` that did so
 * already gets that operation, however often and to whichever instance it is sent.
 */
export async function startOnce(call: Call, work: OperationToStart): Promise<void> {
  const idempotencyKey = parseIdempotencyKey(headerOf(call));
  const operationId =
    idempotencyKey === null ? await startNew(work) : await startKeyed(call, work, idempotencyKey);
  await answerAccepted(call, { operationId, kind: work.kind, subject: work.subject(operationId) });
}

async function startNew(work: OperationToStart): Promise<OperationId> {
  const operationId = newOperationId();
  await work.start(operationId);
  return operationId;
}

async function startKeyed(
  call: Call,
  work: OperationToStart,
  idempotencyKey: string,
): Promise<OperationId> {
  const { operationKeys } = call.services.ports;
  const request: KeyedRequest = {
    accountId: callerOf(call).accountId,
    idempotencyKey,
    requestDigest: digestOf(work),
  };
  const givenUpAt = Date.now() + limits.storeDeadlineMs;
  for (;;) {
    const holding = await operationKeys.claimKey({ ...request, operationId: newOperationId() });
    switch (holding.kind) {
      case 'reused':
        throw new DomainError(
          'IDEMPOTENCY_KEY_REUSED',
          'This Idempotency-Key was used for another request.',
        );
      case 'started':
        return holding.operationId;
      case 'claimed':
        return startClaimed(call, work, { request, operationId: holding.operationId });
      case 'starting':
        if (Date.now() > givenUpAt) throw stillStarting(holding.operationId);
        await sleep(lookEveryMs);
    }
  }
}

/** What was not started does not use up its key. */
async function startClaimed(
  { services, logger }: Call,
  work: OperationToStart,
  { request, operationId }: { readonly request: KeyedRequest; readonly operationId: OperationId },
): Promise<OperationId> {
  try {
    await work.start(operationId);
    return operationId;
  } catch (error) {
    try {
      await services.ports.operationKeys.releaseKey(request, operationId);
    } catch (cause) {
      // It is given out again after a while.
      logger.warn({ err: cause, operation_id: operationId }, 'a key could not be released');
    }
    throw error;
  }
}

function stillStarting(operationId: OperationId): DomainError {
  return new DomainError(
    'OPERATION_IN_PROGRESS',
    'Another request with this Idempotency-Key is starting the operation.',
    { details: { operationId } },
  );
}

function digestOf({ kind, request }: OperationToStart): string {
  return createHash('sha256').update(canonicalizeJson({ kind, request })).digest('hex');
}

function newOperationId(): OperationId {
  return randomUUID() as string as OperationId;
}

function headerOf({ context }: Call): string | undefined {
  const value = context.req.headers['idempotency-key'];
  return typeof value === 'string' ? value : undefined;
}

import type { AccountId, OperationId } from '#domain/ids.ts';

export interface KeyedRequest {
  readonly accountId: AccountId;
  readonly idempotencyKey: string;
  /** SHA-256 of what was asked for, lower-case hex: tells a retry from another request. */
  readonly requestDigest: string;
}

export type KeyHolding =
  /** It is this caller's to start the operation with this id. */
  | { readonly kind: 'claimed'; readonly operationId: OperationId }
  /** The operation has been started. */
  | { readonly kind: 'started'; readonly operationId: OperationId }
  /** Another request with this key is starting it at this moment. */
  | { readonly kind: 'starting'; readonly operationId: OperationId }
  /** The key belongs to a request for something else. */
  | { readonly kind: 'reused' };

/**
 * `Idempotency-Key`s of requests that start operations, kept for `limits.idempotencyKeyKeptHours`.
 * Durable, atomic; throws `CATALOGUE_UNAVAILABLE`.
 */
export interface OperationKeys {
  /**
   * @param operationId a new one, which is taken when the key is. A key whose first request died
   *   before its operation stood is given out again, with the first id, after `limits.keyClaimMs`.
   */
  claimKey(request: KeyedRequest & { readonly operationId: OperationId }): Promise<KeyHolding>;
  /** Nothing came of it: the key may be used again. A key of another operation stays. */
  releaseKey(request: KeyedRequest, operationId: OperationId): Promise<void>;
}

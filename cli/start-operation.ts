import { randomUUID } from 'node:crypto';
import type { JsonObject } from '#domain/json.ts';
import type { ApiClient } from './api-client.ts';
import { readOperation, type OperationAnswer } from './operation-answer.ts';

/**
 * Starts what is answered with 202. Under a key of its own: when an answer gets lost, the request
 * is repeated and gets the operation that it has started.
 */
export async function startOperation(
  api: ApiClient,
  path: string,
  json: JsonObject = {},
): Promise<OperationAnswer> {
  const answer = await api.call({
    method: 'POST',
    path,
    headers: { 'Idempotency-Key': randomUUID() },
    json,
    repeat: 'always',
  });
  return readOperation(answer.json);
}

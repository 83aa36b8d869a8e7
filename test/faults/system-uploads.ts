import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { System } from './system-stack.ts';

/** A document of a client, told from all others by its marker, which stands in its sidecar. */
export interface Document {
  readonly marker: string;
  readonly content: Buffer;
  readonly sha256: string;
  readonly policy: 'temporary' | 'permanent';
  /** With a key the client asks again until it is stored. */
  readonly key: string | null;
}

export type Answer =
  /** Acknowledged: by 201, or by an operation that has completed. */
  | { readonly kind: 'stored'; readonly fileId: string }
  /** By a problem document, or by an operation that has failed. */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  /** The connection broke: nothing is known. */
  | { readonly kind: 'broken' };

export interface Sent {
  readonly document: Document;
  readonly answer: Answer;
  readonly attempts: number;
}

export function makeDocument(
  sizeBytes: number,
  traits: { readonly policy?: Document['policy']; readonly hasKey?: boolean } = {},
): Document {
  const content = randomBytes(sizeBytes);
  return {
    marker: randomUUID(),
    content,
    sha256: createHash('sha256').update(content).digest('hex'),
    policy: traits.policy ?? 'temporary',
    key: traits.hasKey === true ? randomUUID() : null,
  };
}

const retryPauseMs = 250;
/** Far above what any outage of these tests lasts. */
const mostAttempts = 400;

/** What a client does: one that has no key takes the first answer, the others insist. */
export async function sendDocument(system: System, document: Document): Promise<Sent> {
  for (let attempts = 1; ; attempts += 1) {
    const answer = await attempt(system, document, () => document.content);
    const isFinal = document.key === null || answer.kind === 'stored' || attempts >= mostAttempts;
    if (isFinal) return { document, answer, attempts };
    await delay(retryPauseMs);
  }
}

export interface SlowUpload {
  /** Sends the second half. */
  finish(): void;
  readonly sent: Promise<Sent>;
}

/** Without a declared length, the second half only when it is told to. */
export function sendSlowly(system: System, document: Document): SlowUpload {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const middle = document.content.length / 2;
  async function* halves(): AsyncGenerator<Uint8Array> {
    yield document.content.subarray(0, middle);
    await finished;
    yield document.content.subarray(middle);
  }
  const sent = attempt(system, document, () => ReadableStream.from(halves())).then((answer) => ({
    document,
    answer,
    attempts: 1,
  }));
  return { finish, sent };
}

async function attempt(
  system: System,
  document: Document,
  makeBody: () => Buffer | ReadableStream<Uint8Array>,
): Promise<Answer> {
  const query = new URLSearchParams({
    filename: 'Договор поставки №127.pdf',
    description: document.marker,
    retention_policy: document.policy,
  });
  const headers = new Headers({ 'content-type': 'application/pdf' });
  if (document.key !== null) headers.set('idempotency-key', document.key);
  const init = { method: 'POST', headers, body: makeBody(), duplex: 'half' } as const;
  try {
    const response = await system.fetch(`/api/v1/files?${query.toString()}`, init);
    return await readAnswer(system, response);
  } catch {
    return { kind: 'broken' };
  }
}

async function readAnswer(system: System, response: Response): Promise<Answer> {
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.status === 201) return { kind: 'stored', fileId: String(answer['file_id']) };
  if (response.status === 202) return awaitOperation(system, String(answer['operation_id']));
  return { kind: 'refused', status: response.status, code: String(answer['code']) };
}

async function awaitOperation(system: System, operationId: string): Promise<Answer> {
  for (;;) {
    const response = await system.fetch(`/api/v1/operations/${operationId}`).catch(() => null);
    if (response?.ok === true) {
      const operation = (await response.json()) as {
        state: string;
        result: { file_id: string };
        error: { status: number; code: string };
      };
      if (operation.state === 'completed') {
        return { kind: 'stored', fileId: operation.result.file_id };
      }
      if (operation.state === 'failed') {
        const { status, code } = operation.error;
        return { kind: 'refused', status, code };
      }
    } else if (response?.status === 404) return { kind: 'broken' };
    await delay(retryPauseMs);
  }
}

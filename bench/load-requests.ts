import { randomBytes } from 'node:crypto';

import type { RequestPlan } from './load-plan.ts';

const noncePrefix = randomBytes(8);
let uploadCount = 0;

/** The head of a request; the caller's headers come as whole lines without their ends. */
export function formatHead(method: string, path: string, headers: readonly string[]): string {
  return `${[`${method} ${path} HTTP/1.1`, 'Host: bench', ...headers].join('\r\n')}\r\n\r\n`;
}

/**
 * The requests of one connection. A body is built once and only its first bytes change, so that
 * content is unique and building it costs next to nothing. The bytes are the connection's own
 * until its answer has come.
 */
export function createRequests(plan: RequestPlan, connection: number): () => Uint8Array {
  if (plan.kind === 'upload') return createUploads(plan);
  if (plan.kind === 'change') return createChanges(plan, connection);
  const requests = plan.kind === 'read' ? formatReads(plan) : formatQuestions(plan);
  // Connections start apart from one another: they would all ask for the same file at once.
  let next = connection * 7919;
  return () => {
    next += 1;
    return requests[next % requests.length] ?? Buffer.alloc(0);
  };
}

function formatReads(plan: Extract<RequestPlan, { kind: 'read' }>): Buffer[] {
  return plan.paths.map((path) => Buffer.from(formatHead('GET', path, plan.headers)));
}

function formatQuestions(plan: Extract<RequestPlan, { kind: 'ask' }>): Buffer[] {
  const headers = [...plan.headers, 'Content-Type: application/json'];
  return plan.bodies.map((body) =>
    formatRequest({ method: 'POST', path: plan.path, headers, body }),
  );
}

function formatRequest(request: {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: string;
}): Buffer {
  const body = Buffer.from(request.body);
  const headers = [...request.headers, `Content-Length: ${body.length}`];
  return Buffer.concat([Buffer.from(formatHead(request.method, request.path, headers)), body]);
}

function createChanges(
  plan: Extract<RequestPlan, { kind: 'change' }>,
  connection: number,
): () => Uint8Array {
  const path = plan.paths[connection % plan.paths.length] ?? '';
  const headers = [...plan.headers, 'Content-Type: application/merge-patch+json', 'If-Match: *'];
  let count = 0;
  return () => {
    count += 1;
    const body = JSON.stringify({ description: `${noncePrefix.toString('hex')} ${count}` });
    return formatRequest({ method: 'PATCH', path, headers, body });
  };
}

function createUploads(plan: Extract<RequestPlan, { kind: 'upload' }>): () => Uint8Array {
  const headers = [...plan.headers, `Content-Length: ${plan.sizeBytes}`];
  const head = Buffer.from(formatHead('POST', plan.path, headers));
  const request = Buffer.concat([head, randomBytes(plan.sizeBytes)]);
  const body = request.subarray(head.length);
  return () => {
    stampContent(body);
    return request;
  };
}

/** Makes content unlike any other of this or another process. */
function stampContent(body: Buffer): void {
  uploadCount += 1;
  const stamp = Buffer.alloc(16);
  noncePrefix.copy(stamp);
  stamp.writeBigUInt64BE(BigInt(uploadCount), 8);
  stamp.copy(body);
}

const chunkBytes = 1_048_576;

/** A large body in chunks that lie ready; each differs from all others. */
export function* createLargeBody(sizeBytes: number): Generator<Buffer> {
  // A chunk that the socket still holds must not change: many more lie ready than it takes.
  const chunks = Array.from({ length: 8 }, () => randomBytes(chunkBytes));
  for (let sent = 0, index = 0; sent < sizeBytes; sent += chunkBytes, index += 1) {
    const chunk = chunks[index % chunks.length] ?? Buffer.alloc(0);
    stampContent(chunk);
    yield chunk.subarray(0, Math.min(chunkBytes, sizeBytes - sent));
  }
}

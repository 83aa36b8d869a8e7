import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface RecordedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON. */
  json(): unknown;
}

export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text or bytes as they are, everything else as JSON. */
  readonly body?: unknown;
  /** The connection ends after so many bytes of the body. */
  readonly brokenAfterBytes?: number;
}

/** `break`: no answer, the connection ends. A function writes the answer itself. */
export type Answering = ScriptedAnswer | 'break' | ((response: ServerResponse) => void);

export interface RecordingServer extends AsyncDisposable {
  readonly url: string;
  /** Without those for tokens. */
  readonly requests: readonly RecordedRequest[];
  readonly tokenRequests: readonly RecordedRequest[];
}

/** An HTTP server that answers as it is told; tokens it issues by itself. */
export async function startRecordingServer(
  answer: (request: RecordedRequest, count: number) => Answering,
  token: (count: number) => Answering = (count) => ({
    body: { access_token: `token-${count}`, token_type: 'Bearer', expires_in: 1800, scope: '' },
  }),
): Promise<RecordingServer> {
  const requests: RecordedRequest[] = [];
  const tokenRequests: RecordedRequest[] = [];
  const server = createServer((req, res) => {
    void (async () => {
      const body = await buffer(req).catch(() => Buffer.alloc(0));
      const request: RecordedRequest = {
        method: req.method ?? '',
        path: req.url ?? '',
        headers: req.headers,
        body,
        json: () => JSON.parse(body.toString()) as unknown,
      };
      const isToken = request.path.endsWith('/auth/token');
      const list = isToken ? tokenRequests : requests;
      list.push(request);
      write(res, isToken ? token(list.length) : answer(request, list.length));
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    tokenRequests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function write(res: ServerResponse, answer: Answering): void {
  if (answer === 'break') {
    res.destroy();
    return;
  }
  if (typeof answer === 'function') {
    answer(res);
    return;
  }
  const { status = 200, headers = {}, body = '', brokenAfterBytes } = answer;
  const isPlain = typeof body === 'string' || body instanceof Uint8Array;
  const bytes = Buffer.from(isPlain ? body : JSON.stringify(body));
  res.writeHead(status, { 'Content-Length': bytes.length, ...headers });
  if (brokenAfterBytes === undefined) res.end(bytes);
  else res.write(bytes.subarray(0, brokenAfterBytes), () => res.destroy());
}

export const someFileId = '01234567-89ab-4def-8123-456789abcdef';
export const someOperationId = 'aaaaaaaa-89ab-4def-8123-456789abcdef';

export function fileJson(members: Readonly<Record<string, unknown>> = {}) {
  return {
    file_id: someFileId,
    original_filename: 'a.txt',
    file_size: 1,
    content_type: 'text/plain',
    checksum: { algorithm: 'sha-256', value: '0'.repeat(64) },
    created_at: new Date().toISOString(),
    state: 'stored',
    tags: [],
    ...members,
  };
}

export function operationJson(members: Readonly<Record<string, unknown>> = {}) {
  return {
    operation_id: someOperationId,
    kind: 'migrateAttributes',
    state: 'running',
    progress: null,
    result: null,
    error: null,
    subject: { type: 'storage_element', id: 'edit-01' },
    started_by: someFileId,
    created_at: '2026-01-01T00:00:00Z',
    ...members,
  };
}

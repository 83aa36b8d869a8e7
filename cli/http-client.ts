import { Agent as HttpAgent, request as httpRequest, type ClientRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { CliError, ConnectionError, errorCode } from './cli-error.ts';
import { clientLimits } from './client-limits.ts';
import { interruptedError } from './interruption.ts';

/** A body that can be sent again from its start. */
export interface BodySource {
  readonly sizeBytes: number;
  /** Exactly `sizeBytes`. */
  open(): Readable;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | BodySource | null;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Whoever gets the answer reads or destroys it. */
  readonly body: IncomingMessage;
}

export interface HttpTimeouts {
  readonly connectMs: number;
  readonly idleMs: number;
}

export interface HttpClient extends Disposable {
  /** @throws ConnectionError; CliError when the body's source fails or the command is interrupted */
  send(request: HttpRequest): Promise<HttpAnswer>;
}

/**
 * Over `node:http` and not `fetch`: a refusal that comes before a body was sent is read, whereas
 * `fetch` reports a broken pipe; and time limits of connecting and of silence are two things.
 * Redirects are not followed: credentials go to the server that was named and nowhere else.
 */
export function createHttpClient(
  timeouts: HttpTimeouts = {
    connectMs: clientLimits.connectTimeoutMs,
    idleMs: clientLimits.idleTimeoutMs,
  },
): HttpClient {
  const agents = {
    'http:': new HttpAgent({ keepAlive: true }),
    'https:': new HttpsAgent({ keepAlive: true }),
  };
  return {
    send: (request) => exchange(request, { agents, timeouts }),
    [Symbol.dispose]() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

interface Means {
  readonly agents: { readonly 'http:': HttpAgent; readonly 'https:': HttpsAgent };
  readonly timeouts: HttpTimeouts;
}

async function exchange(request: HttpRequest, means: Means): Promise<HttpAnswer> {
  const { method, url, headers, body, signal } = request;
  if (signal.aborted) throw interruptedError(signal);
  const isSecure = url.protocol === 'https:';
  const options = {
    method,
    headers: { ...headers, ...lengthHeader(method, body) },
    agent: isSecure ? means.agents['https:'] : means.agents['http:'],
    signal,
  };
  const outgoing = isSecure ? httpsRequest(url, options) : httpRequest(url, options);
  const connection = watchConnection(outgoing, means.timeouts);
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  outgoing.once('error', (error) => {
    reject(translate(error, { signal, wasSent: connection.isOpen(), url }));
  });
  const stopSending = sendBody(outgoing, body);
  outgoing.once('response', (incoming) => {
    if (!outgoing.writableEnded) stopSending(incoming);
    // Until somebody reads it, an error of the body must not end the process.
    incoming.on('error', () => {});
    resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
  });
  return promise;
}

function lengthHeader(method: string, body: HttpRequest['body']): Record<string, string> {
  if (body === null) return method === 'POST' ? { 'Content-Length': '0' } : {};
  const sizeBytes = body instanceof Uint8Array ? body.length : body.sizeBytes;
  return { 'Content-Length': String(sizeBytes) };
}

/** @returns what to call when an answer comes before all was sent. */
function sendBody(
  outgoing: ClientRequest,
  body: HttpRequest['body'],
): (incoming: IncomingMessage) => void {
  if (body === null || body instanceof Uint8Array) {
    outgoing.end(body);
    return () => {};
  }
  const source = body.open();
  source.once('error', (error) => outgoing.destroy(error));
  outgoing.once('close', () => source.destroy());
  source.pipe(outgoing);
  return (incoming) => {
    source.unpipe(outgoing);
    source.destroy();
    // The connection is in the middle of a request: nothing else can be sent on it.
    incoming.once('close', () => outgoing.destroy());
  };
}

function watchConnection(
  outgoing: ClientRequest,
  { connectMs, idleMs }: HttpTimeouts,
): { isOpen(): boolean } {
  let isOpen = false;
  outgoing.once('socket', (socket: Socket) => {
    if (!socket.connecting) {
      isOpen = true;
      return;
    }
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`it took longer than ${connectMs} ms`));
    }, connectMs);
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      isOpen = true;
      clearTimeout(timer);
    });
    socket.once('close', () => clearTimeout(timer));
  });
  outgoing.setTimeout(idleMs, () => {
    outgoing.destroy(new Error(`no byte for ${idleMs} ms`));
  });
  return { isOpen: () => isOpen };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up at the moment',
  EHOSTUNREACH: 'the machine cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'it takes too long',
};

interface Failure {
  readonly signal: AbortSignal;
  readonly wasSent: boolean;
  readonly url: URL;
}

function translate(error: Error, { signal, wasSent, url }: Failure): CliError {
  if (signal.aborted) return interruptedError(signal);
  if (error instanceof CliError) return error;
  const reason = reasons[errorCode(error)] ?? error.message;
  const message = wasSent
    ? `The connection to ${url.origin} broke off: ${reason}.`
    : `${url.origin} cannot be reached: ${reason}.`;
  return new ConnectionError(message, { wasSent, cause: error });
}

/** The chunks of an answer; a connection that ends before the body does is a `ConnectionError`. */
export async function* readChunks(
  answer: HttpAnswer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer.body) yield chunk as Uint8Array;
  } catch (cause) {
    if (signal.aborted) throw interruptedError(signal);
    if (cause instanceof CliError) throw cause;
    throw new ConnectionError('The answer broke off.', { wasSent: true, cause });
  }
}

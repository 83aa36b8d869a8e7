import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { createAnswerReader, type Answer, type AnswerOptions } from './http-answer.ts';

/** Where a server listens, from an origin such as `http://127.0.0.1:8080`. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * One kept-alive connection, one request at a time. Hand-made because the generator of load
 * shares two cores with what it measures: `node:http` costs several times as much per request.
 */
export interface HttpConnection {
  /** Sends a request that lies ready in memory, head and body in one piece. */
  exchange(request: Uint8Array, options?: AnswerOptions): Promise<Answer>;
  /** Streams a body after its head, never more than the socket takes. */
  exchangeStream(head: string, body: Iterable<Uint8Array>): Promise<Answer>;
  close(): void;
  /** False once the server has closed it or a request on it has failed. */
  readonly isOpen: boolean;
}

export function parseAddress(origin: string): Address {
  const url = new URL(origin);
  return { host: url.hostname, port: Number(url.port === '' ? 80 : url.port) };
}

export async function openConnection(address: Address): Promise<HttpConnection> {
  const socket = connect({ host: address.host, port: address.port, noDelay: true });
  await once(socket, 'connect');
  return createConnection(socket);
}

function createConnection(socket: Socket): HttpConnection {
  let waiting: {
    readonly push: (chunk: Uint8Array) => void;
    readonly reject: (error: Error) => void;
  } | null = null;
  let failure: Error | null = null;

  function fail(error: Error): void {
    failure ??= error;
    socket.destroy();
    waiting?.reject(failure);
    waiting = null;
  }
  socket.on('data', (chunk: Uint8Array) => {
    if (waiting === null) fail(new Error('the server sent bytes that nobody asked for'));
    else waiting.push(chunk);
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server closed the connection')));

  function awaitAnswer(options: AnswerOptions): Promise<Answer> {
    if (failure !== null) return Promise.reject(failure);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const push = createAnswerReader(options, (answer) => {
      waiting = null;
      resolve(answer);
    });
    waiting = {
      reject,
      push(chunk) {
        try {
          push(chunk);
        } catch (error) {
          fail(error instanceof Error ? error : new Error(String(error)));
        }
      },
    };
    return promise;
  }

  return {
    exchange(request, options = {}) {
      const answer = awaitAnswer(options);
      socket.write(request);
      return answer;
    },
    async exchangeStream(head, body) {
      const answer = awaitAnswer({ keepsBody: true });
      let hasAnswer = false;
      const ended = answer.then(
        () => (hasAnswer = true),
        () => (hasAnswer = true),
      );
      socket.write(head);
      for (const chunk of body) {
        if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), ended]);
        // An answer before the end of the body is a refusal: the rest would be taken for a request.
        if (hasAnswer) {
          socket.destroy();
          break;
        }
      }
      return answer;
    },
    get isOpen() {
      return failure === null;
    },
    close() {
      // Not destroyed: the server may still be about to notice that it has sent everything.
      socket.end();
    },
  };
}

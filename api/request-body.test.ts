import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import test from 'ava';
import { trackRequest } from '#api/connections.ts';
import { readBody, readWholeBody } from '#api/request-body.ts';
import { isDomainError } from '#domain/errors.ts';

type Use = (req: IncomingMessage, res: ServerResponse) => Promise<unknown>;

/** What a handler got from a request whose bytes the test sends itself. */
async function serve(use: Use, send: (socket: Socket) => void): Promise<unknown> {
  const result = Promise.withResolvers<unknown>();
  const server = createServer((req, res) => {
    trackRequest(req, res);
    use(req, res).then(result.resolve, result.resolve);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    send(socket);
    return await result.promise;
  } finally {
    socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
}

const idle = { timeoutMs: 200, minBytes: 10 };
const head = (length: number) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;

async function collect(req: IncomingMessage, res: ServerResponse): Promise<string> {
  let text = '';
  for await (const chunk of readBody(req, res, idle)) text += chunk.toString();
  return text;
}

test('a body that comes is read to its end', async (t) => {
  t.is(await serve(collect, (socket) => socket.write(`${head(5)}hello`)), 'hello');
  t.is(await serve(collect, (socket) => socket.write(head(0))), '');
});

test('a sender that stops is given up', async (t) => {
  const error = await serve(collect, (socket) => socket.write(`${head(100)}hello`));
  t.true(isDomainError(error, 'SENDER_TOO_SLOW'));
});

test('a sender that only trickles is given up', async (t) => {
  const error = await serve(collect, (socket) => {
    socket.write(head(1000));
    const timer = setInterval(() => socket.write('x'), 50);
    socket.on('close', () => clearInterval(timer)).on('error', () => clearInterval(timer));
  });
  t.true(isDomainError(error, 'SENDER_TOO_SLOW'));
});

test('a slow reader is not the fault of the sender', async (t) => {
  const slowly: Use = async (req, res) => {
    let sizeBytes = 0;
    for await (const chunk of readBody(req, res, idle)) {
      sizeBytes += chunk.length;
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
    }
    return sizeBytes;
  };
  const size = await serve(slowly, (socket) => socket.write(head(200_000) + 'x'.repeat(200_000)));
  t.is(size, 200_000);
});

test('a sender that goes away has sent an incomplete body', async (t) => {
  const error = await serve(collect, (socket) => {
    socket.write(`${head(100)}hello`, () => socket.destroy());
  });
  t.true(isDomainError(error, 'BODY_INCOMPLETE'));
});

test('a small body is refused by its declared length, or as soon as it is longer', async (t) => {
  const whole: Use = (req, res) => readWholeBody(req, res, 10);
  t.is(String(await serve(whole, (socket) => socket.write(`${head(10)}0123456789`))), '0123456789');
  t.true(isDomainError(await serve(whole, (socket) => socket.write(head(11))), 'BODY_TOO_LARGE'));
  const chunked = `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n`;
  t.true(isDomainError(await serve(whole, (socket) => socket.write(chunked)), 'BODY_TOO_LARGE'));
});

import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection on which a test says byte by byte what it sends. */
export interface RawConnection extends Disposable {
  readonly socket: Socket;
  send(data: string | Uint8Array): Promise<void>;
  /** The next answer, with its body by Content-Length; interim answers (100) count as one. */
  answer(): Promise<RawAnswer>;
  /** Resolves when the server has closed its half. */
  readonly ended: Promise<void>;
}

export async function openRaw(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let received = Buffer.alloc(0);
  let isOver = false;
  let changed = Promise.withResolvers<void>();
  const notify = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    notify();
  });
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        isOver = true;
        notify();
        resolve();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });

  async function take(find: () => number): Promise<Buffer> {
    for (;;) {
      const end = find();
      if (end >= 0 && end <= received.length) {
        const taken = received.subarray(0, end);
        received = received.subarray(end);
        return taken;
      }
      if (isOver) throw new Error(`the connection ended after ${received.length} more bytes`);
      await changed.promise;
    }
  }

  return {
    socket,
    ended,
    send: (data) =>
      new Promise((resolve, reject) => {
        socket.write(data, (error) => (error ? reject(error) : resolve()));
      }),
    async answer() {
      const headEnd = () => {
        const at = received.indexOf('\r\n\r\n');
        return at < 0 ? -1 : at + 4;
      };
      const [statusLine = '', ...lines] = (await take(headEnd)).toString('latin1').split('\r\n');
      const headers = new Map(
        lines
          .filter((line) => line.includes(':'))
          .map((line) => {
            const colon = line.indexOf(':');
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
          }),
      );
      const length = Number(headers.get('content-length') ?? 0);
      const body = (await take(() => length)).toString();
      return { status: Number(statusLine.split(' ')[1]), headers, body };
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

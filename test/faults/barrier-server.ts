import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { BarrierMessage, BarrierVisit } from './barrier-visit.ts';

/** The test's side: workers ask before each step, and go on at once unless they are held. */
export interface BarrierServer extends AsyncDisposable {
  /** Holds the first visit of which `isWanted` is true; every other passes. */
  hold(isWanted: (visit: BarrierVisit) => boolean): Hold;
}

export interface Hold {
  readonly reached: Promise<BarrierVisit>;
  /** Lets it go on; before it came, lets it pass. */
  release(): void;
}

interface ArmedHold {
  readonly isWanted: (visit: BarrierVisit) => boolean;
  readonly take: (visit: BarrierVisit, answer: () => void) => void;
}

export async function openBarrierServer(socketPath: string): Promise<BarrierServer> {
  const armed = new Set<ArmedHold>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // The process behind it was killed: that is what the tests do.
    socket.on('error', () => undefined);
    const lines = createInterface({ input: socket });
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      const { id, visit } = JSON.parse(line) as BarrierMessage;
      const answer = (): void => void (socket.writable && socket.write(`${id}\n`));
      const hold = [...armed].find(({ isWanted }) => isWanted(visit));
      if (hold === undefined) return answer();
      armed.delete(hold);
      hold.take(visit, answer);
    });
  });
  server.listen(socketPath);
  await once(server, 'listening');

  return {
    hold(isWanted) {
      const { promise: reached, resolve } = Promise.withResolvers<BarrierVisit>();
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const hold: ArmedHold = {
        isWanted,
        take(visit, answer) {
          void released.then(answer);
          resolve(visit);
        },
      };
      armed.add(hold);
      return {
        reached,
        release() {
          armed.delete(hold);
          release();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

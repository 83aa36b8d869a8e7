import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import type { BarrierMessage, BarrierVisit } from './barrier-visit.ts';

/**
 * The worker's side of the barrier.
 * @returns what each step waits for: the test's word that it may go on.
 */
export async function openBarrierGate(
  socketPath: string,
): Promise<(visit: BarrierVisit) => Promise<void>> {
  const socket = createConnection(socketPath);
  await once(socket, 'connect');
  const waiting = new Map<number, () => void>();
  let lastId = 0;
  const lines = createInterface({ input: socket });
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    waiting.get(Number(line))?.();
    waiting.delete(Number(line));
  });
  // A test that has ended holds nobody.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    for (const goOn of waiting.values()) goOn();
    waiting.clear();
  });
  socket.unref();
  return async (visit) => {
    if (socket.destroyed) return;
    lastId += 1;
    const message: BarrierMessage = { id: lastId, visit };
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.set(lastId, resolve);
    socket.write(`${JSON.stringify(message)}\n`);
    await promise;
  };
}

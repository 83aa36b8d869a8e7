import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A lock that the kernel gives back when its holder dies, however it dies: an abstract Unix socket
 * with the name of what is locked.
 */
export interface KernelLock extends AsyncDisposable {
  release(): Promise<void>;
}

/** @returns null when somebody else holds it. */
export async function tryKernelLock(name: string): Promise<KernelLock | null> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket.unref());
    socket.on('error', () => undefined).on('close', () => waiting.delete(socket));
  });
  try {
    server.listen(socketName(name));
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
  server.unref();
  const release = (): Promise<void> => closeServer(server, waiting);
  return { release, [Symbol.asyncDispose]: release };
}

/** Waits until it is free. `onWait` is told once that somebody else holds it. */
export async function holdKernelLock(name: string, onWait: () => void): Promise<KernelLock> {
  for (let attempt = 0; ; attempt += 1) {
    const lock = await tryKernelLock(name);
    if (lock !== null) return lock;
    if (attempt === 0) onWait();
    await waitForRelease(name);
  }
}

/** A connection to the holder ends when it lets go or dies: no polling. */
async function waitForRelease(name: string): Promise<void> {
  const socket = connect(socketName(name));
  // A reset is an end like any other, so not `once`, which rejects on it.
  await new Promise<void>((resolve) => {
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.resume();
  });
}

function socketName(name: string): string {
  return `\0artstore-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

async function closeServer(server: Server, waiting: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  for (const socket of waiting) socket.destroy();
  await closed;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';

const pauseMs = 500;

/**
 * The connection that workers poll on. Waits for a server that is not there yet, however long;
 * once made, it survives the server's restarts.
 * @throws the signal's reason when it is aborted first.
 */
export async function connectWorker(
  address: string,
  signal: AbortSignal,
): Promise<NativeConnection> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await NativeConnection.connect({ address });
    } catch {
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

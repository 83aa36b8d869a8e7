import { Client, Connection } from '@temporalio/client';
import type { ComponentHealth } from '#domain/ports/component-health.ts';

export interface TemporalConnection extends AsyncDisposable {
  readonly client: Client;
  /** Resolves when the server says that it serves. @param timeoutMs rejects after it. */
  checkHealth(timeoutMs: number, signal?: AbortSignal): Promise<void>;
}

const workflowService = 'temporal.api.workflowservice.v1.WorkflowService';
/** `SERVING` of the gRPC health protocol. */
const serving = 1;

/**
 * Connects with the first call and again by itself: a process starts, and goes on, without
 * Temporal. Calls are not repeated here; who makes one knows whether that is right.
 */
export function createTemporalConnection(options: {
  readonly address: string;
  readonly namespace: string;
}): TemporalConnection {
  const connection = Connection.lazy({
    address: options.address,
    interceptors: [],
    channelArgs: {
      // The default of two minutes would keep uploads refused long after the server is back.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
  });
  const client = new Client({ connection, namespace: options.namespace });
  return {
    client,
    async checkHealth(timeoutMs, signal) {
      const check = (): Promise<unknown> =>
        connection.withDeadline(Date.now() + timeoutMs, async () => {
          const { status } = await connection.healthService.check({ service: workflowService });
          if (status !== serving) throw new Error('Temporal is not serving');
        });
      await (signal === undefined ? check() : connection.withAbortSignal(signal, check));
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** Temporal as a part of an instance's health. Reads go on without it. */
export function createTemporalHealth(
  connection: TemporalConnection,
  options: { readonly isRequired: boolean; readonly timeoutMs: number },
): ComponentHealth {
  return {
    name: 'temporal',
    isRequired: options.isRequired,
    check: (signal) => connection.checkHealth(options.timeoutMs, signal),
  };
}

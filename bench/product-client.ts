import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './benchmarks.ts';

const pollMs = 100;
const authorization = 'Authorization: ';

/** Calls that are not measured, or whose end is told by the product itself. */
export interface ProductClient {
  /** @returns the answer's body. @throws unless it is a success. */
  call<Body>(method: 'GET' | 'POST', path: string, body?: object): Promise<Body>;
  /** Starts an operation by POST and waits for its end. @throws unless it has completed. */
  run(path: string, body?: object): Promise<EndedOperation>;
  /** Cancels an operation and waits for its end. */
  end(operationId: string): Promise<void>;
}

interface Operation {
  readonly operation_id: string;
  readonly state: string;
  readonly progress: { readonly done: number; readonly failed: number } | null;
  readonly created_at: string;
  readonly finished_at: string | null;
}

export interface EndedOperation {
  readonly elapsedMs: number;
  /** Null where nothing is counted. */
  readonly done: number | null;
}

export async function openProductClient({ product, signal }: Bench): Promise<ProductClient> {
  const [line = ''] = await product.authorize();
  let token = line.slice(authorization.length);

  async function send(method: string, path: string, body?: object): Promise<Response> {
    return await fetch(`${product.origin}/api/v1${path}`, {
      method,
      signal,
      headers: { authorization: token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async function call<Body>(method: string, path: string, body?: object): Promise<Body> {
    let response = await send(method, path, body);
    // A token lives for half an hour, some benchmarks longer.
    if (response.status === 401) {
      const [fresh = ''] = await product.authorize();
      token = fresh.slice(authorization.length);
      response = await send(method, path, body);
    }
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return JSON.parse(text) as Body;
  }

  async function untilEnded(started: Operation): Promise<Operation & { finished_at: string }> {
    let { finished_at: finishedAt, ...operation } = started;
    while (finishedAt === null) {
      await delay(pollMs, undefined, { signal });
      const path = `/operations/${operation.operation_id}`;
      ({ finished_at: finishedAt, ...operation } = await call<Operation>('GET', path));
    }
    return { ...operation, finished_at: finishedAt };
  }

  return {
    call,
    async run(path, body) {
      const operation = await untilEnded(await call<Operation>('POST', path, body));
      if (operation.state !== 'completed' || (operation.progress?.failed ?? 0) > 0) {
        throw new Error(`POST ${path} came to ${JSON.stringify(operation)}`);
      }
      const elapsedMs = Date.parse(operation.finished_at) - Date.parse(operation.created_at);
      return { elapsedMs, done: operation.progress?.done ?? null };
    },
    async end(operationId) {
      const path = `/operations/${operationId}/cancel`;
      await untilEnded(await call<Operation>('POST', path));
    },
  };
}
